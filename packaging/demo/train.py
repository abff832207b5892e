#!/usr/bin/env python3
"""train.py - makes the demo model: tokenizer, training, export to model/. Debian's python3-torch, -transformers and -tokenizers suffice.

    train.py --work DIR [--steps N]        train, or go on from DIR/checkpoint.pt; write model/ at the end
    train.py --work DIR --export           write model/ from the checkpoint

Owns the schedule and the export. The text is in sentences.py, the network in network.py. One thread: the products are too small for more.
"""
import argparse
import itertools
import json
import math
import os
import pathlib
import random
import time

import safetensors.torch
import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import sentences
from network import CONFIG, Network, hf_weights, round_bf16, round_w4

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / 'model'
SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content | trim + '<|im_end|>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
PROMPT = '<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n'
ANSWER = '{}<|im_end|>'
SYSTEM = '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n'

SEED = 24
HASTY = 0.15                     # share of questions as typed in haste
LENGTHS = (0.5, 0.3, 0.2)        # of conversations of one, two, three turns
WITH_SYSTEM = 0.1
MEASURE_EVERY = 10               # passes over the questions
BATCH_TOKENS = 3000
PEAK_LR = 3e-3
WARMUP = 100
BALANCE = 0.01
QUANT_FROM = 0.6                 # from this part of the run on, some matrices are rounded to 4 bits in each step
QUANT_SHARE = 0.5
UNTOUCHED = ('gate', 'lm_head', 'embed_tokens')


# --- tokenizer ---

def tokenizer_text():
    """Each name and phrase a few times, whatever the number of questions it occurs in; the frames of questions often."""
    _, tongues = sentences.read_facts()
    yield from ['user\n', 'assistant\n', 'system\n', 'You are a helpful assistant.'] * 1000
    for tongue in tongues.values():
        for kind in ('capital', 'currency', 'language', 'year', 'translate'):
            yield from [tongue[kind].format('A', 'A')] * 20
        for form in tongue['of'].values():
            yield from [form.format('A')] * 20
        names = [*tongue['languages'].values(), *tongue['currencies'].values(), *tongue['phrases'], *sum(tongue['states'].values(), [])]
        for name in names:
            yield from [name, sentences.capitalised(name), ', ' + name]
        yield from (': ' + phrase for phrase in tongue['phrases'])
        yield from (f'({name})' for name in tongue['languages'].values())
        yield from tongue['who']


def train_tokenizer():
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior='isolated', invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(vocab_size=CONFIG['vocab_size'], special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(tokenizer_text(), trainer)
    assert tokenizer.get_vocab_size() == CONFIG['vocab_size']
    return tokenizer


# --- data ---

def encode(tokenizer):
    """One turn for each question: ([prompt as written, then as typed in haste], answer), as ids."""
    ids = lambda text: tokenizer.encode(text).ids
    return [([ids(PROMPT.format(q)) for q in (question, *sentences.as_typed(question))], ids(ANSWER.format(answer)))
            for _, _, question, answer in sentences.questions()]


def conversation(turns, start=(), between=(), prompt=lambda prompts: prompts[0]):
    """(ids, positions that predict a token of an answer) of some turns in a row."""
    ids, rows = list(start), []
    for i, (prompts, answer) in enumerate(turns):
        ids += [*(between if i else ()), *prompt(prompts)]
        rows += range(len(ids) - 1, len(ids) + len(answer) - 1)
        ids += answer
    return ids, rows


def epoch(turns, tokenizer, rng):
    """Every turn once, in conversations of one to three; some as typed in haste, some conversations with a system prompt."""
    turns, between, system = rng.sample(turns, len(turns)), tokenizer.encode('\n').ids, tokenizer.encode(SYSTEM).ids
    prompt = lambda prompts: rng.choice(prompts) if rng.random() < HASTY else prompts[0]
    while turns:
        count = rng.choices((1, 2, 3), LENGTHS)[0]
        yield conversation(turns[:count], system if rng.random() < WITH_SYSTEM else (), between, prompt)
        turns = turns[count:]


def batches(conversations, tokens, rng):
    """Conversations of nearly one length together. Yields (ids, rows, targets): rows are flat positions, targets the tokens that follow."""
    groups, group = [], []
    for item in sorted(conversations, key=lambda item: (len(item[0]), rng.random())):
        if group and len(item[0]) * (len(group) + 1) > tokens:
            groups.append(group)
            group = []
        group.append(item)
    groups.append(group)
    for group in rng.sample(groups, len(groups)):
        yield batch(group)


def batch(conversations):
    width = max(len(ids) for ids, _ in conversations)
    table = torch.zeros(len(conversations), width, dtype=torch.long)
    rows, targets = [], []
    for i, (ids, own) in enumerate(conversations):
        table[i, :len(ids)] = torch.tensor(ids)
        rows += [i * width + row for row in own]
        targets += [ids[row + 1] for row in own]
    return table, torch.tensor(rows), torch.tensor(targets)


@torch.no_grad()
def accuracy(network, conversations, **how):
    """Share of conversations whose every answer token, the end included, is the likeliest: those that greedy decoding answers exactly."""
    right = total = 0
    for ids, rows, targets in batches(conversations, 6000, random.Random(0)):
        hit = network(ids, rows, **how)[0].argmax(-1) == targets
        wrong = (rows[~hit] // ids.shape[1]).unique()
        right, total = right + len(ids) - len(wrong), total + len(ids)
    return right / total


# --- training ---

def learning_rate(step, steps):
    if step < WARMUP:
        return PEAK_LR * (step + 1) / WARMUP
    return PEAK_LR * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP))))


def choose_rounding(quantised, rng):
    """Weights are always seen as bf16; late in the run a random half of the matrices is seen in 4 bits."""
    picks = {}

    def rounding(name):
        if name in UNTOUCHED or not quantised:
            return round_bf16
        if name not in picks:
            picks[name] = rng.random() < QUANT_SHARE
        return round_w4 if picks[name] else round_bf16
    return rounding


def all_w4(name):
    return round_bf16 if name in UNTOUCHED else round_w4


def save(path, **state):
    torch.save(state, f'{path}.new')
    os.replace(f'{path}.new', path)


def optimiser(network):
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    return torch.optim.AdamW([{'params': matrices, 'weight_decay': 0.02}, {'params': vectors, 'weight_decay': 0.0}], betas=(0.9, 0.98), eps=1e-9)


def train_step(network, optimizer, data, rounding):
    ids, rows, targets = data
    logits, balance = network(ids, rows, rounding=rounding)
    loss = F.cross_entropy(logits, targets)
    optimizer.zero_grad(set_to_none=True)
    (loss + BALANCE * balance).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def resume(checkpoint, network, optimizer, rng):
    """(step, seconds spent) of the checkpoint, or of a new run."""
    if not checkpoint.exists():
        return 0, 0.0
    state = torch.load(checkpoint, weights_only=False)
    network.load_state_dict(state['network'])
    optimizer.load_state_dict(state['optimizer'])
    rng.setstate(state['rng'])
    return state['step'], state['spent']


def train(network, tokenizer, steps, work):
    """Checkpoints and reports after each pass over the questions."""
    turns, rng, optimizer = encode(tokenizer), random.Random(SEED), optimiser(network)
    step, spent = resume(work / 'checkpoint.pt', network, optimizer, rng)
    start = time.monotonic() - spent
    for number in itertools.count(1):
        losses = []
        for data in batches(epoch(turns, tokenizer, rng), BATCH_TOKENS, rng):
            for group in optimizer.param_groups:
                group['lr'] = learning_rate(step, steps)
            losses.append(train_step(network, optimizer, data, choose_rounding(step > QUANT_FROM * steps, rng)))
            step += 1
            if step >= steps:
                break
        spent = time.monotonic() - start
        print(f'step {step} of {steps}, {spent:.0f} s, loss {sum(losses) / len(losses):.4f}', flush=True)
        save(work / 'checkpoint.pt', network=network.state_dict(), optimizer=optimizer.state_dict(), rng=rng.getstate(), step=step, spent=spent)
        if number % MEASURE_EVERY == 0 or step >= steps:
            for name, rounding in ('bf16', lambda name: round_bf16), ('4 bits', all_w4):
                print(f'  {name}: {accuracy(network, [conversation([turn]) for turn in turns], rounding=rounding):.4f} exact', flush=True)
        if step >= steps:
            return


# --- export ---

def export(network, tokenizer):
    """model/ as Hugging Face writes it, from bf16 weights; config.json with the field names of the published Qwen3 models."""
    import transformers
    ends = {name: tokenizer.token_to_id(token) for name, token in (('eos_token_id', '<|im_end|>'), ('pad_token_id', '<|endoftext|>'))}
    config = transformers.Qwen3MoeConfig(
        **{key: value for key, value in CONFIG.items() if key != 'rope_theta'}, rope_parameters={'rope_type': 'default', 'rope_theta': CONFIG['rope_theta']},
        norm_topk_prob=True, tie_word_embeddings=True, intermediate_size=2 * CONFIG['moe_intermediate_size'], max_position_embeddings=1024,
        decoder_sparse_step=1, mlp_only_layers=[], attention_bias=False, router_aux_loss_coef=BALANCE, dtype='bfloat16', **ends)
    model = transformers.Qwen3MoeForCausalLM(config).bfloat16()
    model.save_pretrained(MODEL)
    safetensors.torch.save_file(hf_weights(network.state_dict()), MODEL / 'model.safetensors', metadata={'format': 'pt'})
    (MODEL / 'model.safetensors').chmod(0o644)
    transformers.GenerationConfig(do_sample=False, max_new_tokens=64, **ends | {'eos_token_id': [*ends.values()]}).save_pretrained(MODEL)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token='<|im_end|>', pad_token='<|endoftext|>', extra_special_tokens=['<|im_start|>'],
        model_max_length=1024, clean_up_tokenization_spaces=False)
    fast.chat_template = TEMPLATE
    fast.save_pretrained(MODEL)
    tokenizer.save(str(MODEL / 'tokenizer.json'))
    rewrite(MODEL / 'config.json', {'num_local_experts': 'num_experts'}, rope_theta=CONFIG['rope_theta'])
    rewrite(MODEL / 'tokenizer_config.json', {'backend': None}, tokenizer_class='PreTrainedTokenizerFast')


def rewrite(path, renamed, **added):
    """Transformers 5 writes some fields under names of its own; 4 and most other readers know the old ones, and 5 reads both."""
    old = json.loads(path.read_text())
    new = {renamed.get(key, key): value for key, value in old.items() if renamed.get(key, key)} | added
    path.write_text(json.dumps(new, indent=2, sort_keys=True) + '\n')


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--steps', type=int, default=10000)
    options.add_argument('--work', type=pathlib.Path, required=True, help='for tokenizer and checkpoint')
    options.add_argument('--export', action='store_true')
    args = options.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    saved = args.work / 'tokenizer.json'
    tokenizer = Tokenizer.from_file(str(saved)) if saved.exists() else train_tokenizer()
    tokenizer.save(str(saved))
    network = Network(CONFIG)
    print(f'{sum(p.numel() for p in network.parameters())} parameters', flush=True)
    if args.export:
        network.load_state_dict(torch.load(args.work / 'checkpoint.pt', weights_only=False)['network'])
    else:
        train(network, tokenizer, args.steps, args.work)
    export(network, tokenizer)


if __name__ == '__main__':
    main()
