#!/usr/bin/env python3
"""check.py - measures the exported model in model/: is it what Hugging Face computes, and how many questions does it answer exactly?

Owns the emulation of the bundle's weight kinds (w8, w4; kernels/NUMERICS.md is the definition). Reads model/ only; writes nothing.
"""
import random

import safetensors.torch
import torch
from tokenizers import Tokenizer

import sentences
from network import CODEBOOK, CONFIG, GROUP, Network, from_hf_weights, nearest_code, round_w4
from train import MODEL, accuracy, conversation, encode, epoch

SAMPLE = 200
CLOSE = 1e-4
MULTIPLIERS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)     # G: the integer multipliers of a group
SEARCH = [0.60 + 0.04 * i for i in range(11)]       # scales tried, as parts of the one that clips nothing


def round_w8(w):
    """int8 and one scale for each output channel."""
    scale = w.abs().amax(-1, keepdim=True).clamp_min(1e-12) / 127
    return (w / scale).round() * scale


def act_int8(x):
    """int8 and one scale for each token."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-12) / 127
    return (x / scale).round() * scale


def best_groups(groups, scale):
    """groups: rows × groups × 32. The nearest C[q]·G[g]·scale, and the squared error of each row."""
    best, error = torch.zeros_like(groups), torch.full_like(groups[..., :1], float('inf'))
    for multiplier in MULTIPLIERS:
        unit = scale * multiplier
        trial = nearest_code(groups / unit) * unit
        loss = (trial - groups).pow(2).sum(-1, keepdim=True)
        best, error = torch.where(loss < error, trial, best), torch.minimum(loss, error)
    return best, error.sum(1, keepdim=True)


def round_bundle_w4(w):
    """C[q]·G[g] and one scale for each output channel, by a plain search over scales."""
    groups = w.reshape(-1, w.shape[-1] // GROUP, GROUP)
    largest = groups.abs().amax((1, 2), keepdim=True).clamp_min(1e-12) / (CODEBOOK.max() * MULTIPLIERS[-1])
    best, error = best_groups(groups, largest)
    for part in SEARCH:
        trial, loss = best_groups(groups, largest * part)
        best, error = torch.where(loss < error, trial, best), torch.minimum(loss, error)
    return best.reshape(w.shape)


def rounded(weights, rounding, head):
    """A network whose products use rounded weights: rounding for all but router, table and head, which take their own."""
    network = Network(CONFIG)
    from_hf_weights(weights, network)
    for layer in network.layers:
        for name in ('q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'):
            getattr(layer, name).data = rounding(getattr(layer, name).data)
    return network, {'rounding': lambda name: head if name == 'lm_head' else None}


def same_as_hugging_face(weights, tokenizer, rows):
    """(largest difference of logits at each position, share of exact answers) when Hugging Face generates in f32 through the chat template.
    Where two experts are all but equally likely, the last bits decide the route and a position may differ visibly; that is rare."""
    import transformers
    reference = transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    fast = transformers.AutoTokenizer.from_pretrained(MODEL)
    network, _ = rounded(weights, lambda w: w, None)
    worst, right = [], 0
    for _, _, question, answer in rows:
        chat = fast.apply_chat_template([{'role': 'user', 'content': question}], add_generation_prompt=True, tokenize=False)
        ids = fast(chat, return_tensors='pt').input_ids
        assert ids[0].tolist() == tokenizer.encode(chat).ids
        with torch.no_grad():
            worst += (reference(ids).logits[0] - network(ids)[0]).abs().amax(-1).tolist()
            out = reference.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=64)
        right += fast.decode(out[0, ids.shape[1]:], skip_special_tokens=True) == answer
    return worst, right / len(rows)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    weights = {name: w.float() for name, w in safetensors.torch.load_file(MODEL / 'model.safetensors').items()}
    tokenizer, rng = Tokenizer.from_file(str(MODEL / 'tokenizer.json')), random.Random(1)
    turns = encode(tokenizer)
    single = [conversation([turn]) for turn in turns]
    plain, exact = rounded(weights, lambda w: w, None)
    worst, right = same_as_hugging_face(weights, tokenizer, rng.sample(sentences.questions(), SAMPLE))
    close = sum(difference < CLOSE for difference in worst) / len(worst)
    print(f'Hugging Face, f32, {SAMPLE} questions: logits within {CLOSE} of ours at {close:.4f} of {len(worst)} positions (worst '
          f'{max(worst):.1e}), {right:.4f} generated exactly')
    print(f'bf16 weights, f32 arithmetic: {accuracy(plain, single, **exact):.4f} of {len(single)}')
    print(f'bf16, conversations of one to three, in haste, with system prompt: {accuracy(plain, list(epoch(turns, tokenizer, rng)), **exact):.4f}')
    for name, rounding, head in (('w8', round_w8, round_w8), ('w4, head w8', round_bundle_w4, round_w8), ('w4, head w4', round_bundle_w4, round_bundle_w4),
                                 ('4 bits as in training, head w8', round_w4, round_w8)):
        network, how = rounded(weights, rounding, head)
        print(f'{name}, int8 activations: {accuracy(network, single, act=act_int8, **how):.4f}', flush=True)


if __name__ == '__main__':
    main()
