#!/usr/bin/env python3
"""make_golden_models.py - writes golden/models/NAME: a tiny random Hugging Face model each, and in expected.json
what transformers computes with it.

    make_golden_models.py [NAME…]      all of MODELS, or those named

Owns the list of models: one for each architecture and feature that a bundle can have. The reference is transformers
in float32 with eager attention on the weights as they lie on disk; matrices hold bf16 values whatever the file's type,
so that a bf16 bundle loses nothing. Seeds are fixed; one whose routers or greedy choices are nearly a tie is passed
over for the next.
"""
import json
import pathlib
import sys

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

GOLDEN = pathlib.Path(__file__).resolve().parent / 'golden' / 'models'
SPECIAL = ['<|bos|>', '<|eos|>', '<|user|>']
VOCAB = 300
EOS = 1
LENGTHS = (1, 9, 70, 150)                     # attention works in blocks of 64 keys
SHOWN = {1: (0,), 9: (3, 8), 70: (63, 64, 69), 150: (100, 127, 128, 149)}
GREEDY = 32
ROUTER_MARGIN = 1e-4                          # a nearer choice of experts than this may fall either way in float32
CLEAR_MARGINS = 24                            # so many greedy steps have a margin that decides,
DIFFERENT = 8                                 # and so many tokens of the answer differ
PROMPTS = ('The capital of Malta is', 'Ένα δύο τρία:', 'one, two, three, 4 ', 'Žluťoučký kůň\n', 'def f(x): return ')
MERGE_TEXT = 'the capital of the country is the largest city in it; one and two are three, and the rest was there. ' * 4

LLAMA3 = dict(rope_type='llama3', rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
LINEAR = dict(rope_type='linear', rope_theta=10000.0, factor=4.0)
YARN = dict(rope_type='yarn', rope_theta=10000.0, factor=4.0, original_max_position_embeddings=32)
YARN_FULL = dict(rope_type='yarn', rope_theta=5000.0, factor=8.0, original_max_position_embeddings=64, beta_fast=4.0,
                 beta_slow=0.5, attention_factor=1.25)


def default_rope(theta):
    return dict(rope_type='default', rope_theta=theta)


def shape(hidden, inner, heads, kv_heads, head_dim=None, layers=2, **more):
    return dict(hidden_size=hidden, intermediate_size=inner, num_attention_heads=heads, num_key_value_heads=kv_heads,
                head_dim=head_dim or hidden // heads, num_hidden_layers=layers, **more)


def mixtral(count, top):
    return dict(num_local_experts=count, num_experts_per_tok=top, sliding_window=None)


def qwen_moe(count, top, inner, renormalise):
    return dict(num_experts=count, num_experts_per_tok=top, moe_intermediate_size=inner, norm_topk_prob=renormalise)


class Model:
    """One golden model: config is transformers' own; the rest says how it is saved: the type, in shards, with the experts
    `fused` in one tensor as transformers 5 has them in memory, and with config.json in the `spelling` of transformers 4."""

    def __init__(self, kind, config, rope=None, tied=False, vocab=VOCAB, **how):
        self.kind, self.tied, self.vocab = kind, tied, vocab
        self.config = dict(vocab_size=vocab, tie_word_embeddings=tied, rope_parameters=rope or default_rope(10000.0),
                           max_position_embeddings=512, rms_norm_eps=1e-3, bos_token_id=0, eos_token_id=EOS,
                           pad_token_id=EOS) | config
        self.dtype = how.get('dtype', torch.bfloat16)
        self.shards = how.get('shards', False)
        self.fused = how.get('fused', False)
        self.spelling = how.get('spelling', 5)


MODELS = {
    'llama-tied': Model('llama', shape(36, 50, 2, 2), tied=True),
    'llama-small': Model('llama', shape(16, 12, 2, 2, head_dim=8, layers=3), default_rope(500.0)),
    'llama-gqa-f32': Model('llama', shape(48, 100, 6, 2, head_dim=20, rms_norm_eps=1e-2), tied=True, dtype=torch.float32),
    'llama-wide': Model('llama', shape(136, 132, 2, 1, head_dim=96, layers=1), tied=True),
    'llama-linear': Model('llama', shape(40, 52, 4, 1), LINEAR, tied=True),
    'llama-llama3-shards': Model('llama', shape(40, 52, 2, 1), LLAMA3, shards=True),
    'llama-yarn': Model('llama', shape(40, 52, 2, 2), YARN, tied=True),
    'llama-biases-f16': Model('llama', shape(40, 72, 4, 1, head_dim=12, attention_bias=True, mlp_bias=True), tied=True,
                              dtype=torch.float16),
    'llama-v4': Model('llama', shape(48, 40, 4, 2), default_rope(20000.0), spelling=4),
    'llama-v4-linear': Model('llama', shape(32, 40, 4, 2, mlp_bias=True), LINEAR, spelling=4),
    'llama-v4-llama3': Model('llama', shape(40, 44, 2, 1, attention_bias=True), LLAMA3, tied=True, spelling=4),
    'mistral': Model('mistral', shape(40, 60, 4, 2, head_dim=20, sliding_window=256), default_rope(1e6), vocab=320),
    'mistral-v4-yarn': Model('mistral', shape(40, 48, 2, 1, sliding_window=None), YARN, spelling=4),
    'mixtral': Model('mixtral', shape(40, 36, 4, 2, **mixtral(4, 2))),
    'mixtral-fused': Model('mixtral', shape(24, 20, 2, 1, **mixtral(3, 1)), tied=True, fused=True),
    'mixtral-v4-shards': Model('mixtral', shape(32, 20, 4, 1, **mixtral(8, 3)), default_rope(1e6), shards=True, spelling=4),
    'qwen3': Model('qwen3', shape(40, 60, 4, 2, head_dim=20), default_rope(1e6), tied=True),
    'qwen3-bias': Model('qwen3', shape(72, 40, 3, 1, head_dim=16, attention_bias=True)),
    'qwen3-yarn': Model('qwen3', shape(40, 52, 2, 1, head_dim=32), YARN_FULL, tied=True),
    'qwen3-moe': Model('qwen3_moe', shape(40, 60, 4, 2, head_dim=20, **qwen_moe(8, 2, 24, True)), tied=True),
    'qwen3-moe-mixed': Model('qwen3_moe', shape(40, 60, 4, 1, head_dim=16, layers=3, mlp_only_layers=[1],
                                                **qwen_moe(5, 2, 20, False)), default_rope(1e6)),
    'qwen3-moe-sparse': Model('qwen3_moe', shape(32, 48, 2, 1, head_dim=24, layers=3, decoder_sparse_step=2,
                                                 **qwen_moe(6, 3, 28, True)), tied=True),
    'qwen3-moe-fused': Model('qwen3_moe', shape(24, 48, 2, 1, **qwen_moe(5, 2, 20, True)), tied=True, fused=True),
    'qwen3-moe-v4-f16': Model('qwen3_moe', shape(40, 60, 4, 4, attention_bias=True, **qwen_moe(4, 1, 24, False)), LINEAR,
                              tied=True, dtype=torch.float16, spelling=4),
}


# --- the model ---

def spread(name, tied):
    """(gain, std): a matrix's entries have the standard deviation std, or gain over the square root of its inputs. Chosen so
    that logits spread over several units, attention is neither flat nor a single key, and no block drowns in the residual."""
    if 'embed_tokens' in name:
        return None, 0.6 if tied else 1.0
    if 'lm_head' in name:
        return 3.0, None
    if 'q_proj' in name or 'k_proj' in name:
        return 1.4, None
    return 1.7, None


@torch.no_grad()
def fill(model, tied, exact_vectors):
    for name, weight in model.named_parameters():
        if 'norm' in name:
            value = 1 + 0.25 * torch.randn_like(weight)
        elif weight.ndim == 1:
            value = 0.3 * torch.randn_like(weight)
        else:
            gain, std = spread(name, tied)
            value = torch.randn_like(weight) * (std or gain / weight.shape[-1] ** 0.5)
        exact = exact_vectors and weight.ndim == 1       # a bundle keeps vectors in f32
        weight.copy_(value if exact else value.bfloat16().half().float())


def build(golden):
    config = transformers.AutoConfig.for_model(golden.kind, **golden.config)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    fill(model, golden.tied, golden.dtype == torch.float32)
    if golden.vocab > VOCAB:                    # ids without a text are never the likeliest
        with torch.no_grad():
            model.lm_head.weight[VOCAB:] = 0
    return model


def save(model, golden, path):
    model.to(golden.dtype).save_pretrained(path, max_shard_size='60kB' if golden.shards else '1GB',
                                           save_original_format=not golden.fused)
    for file in path.glob('*.safetensors'):
        file.chmod(0o644)
    if golden.spelling == 4:
        file = path / 'config.json'
        file.write_text(json.dumps(as_transformers_4(json.loads(file.read_text())), indent=2) + '\n')


def as_transformers_4(config):
    config['torch_dtype'] = config.pop('dtype')
    rope = config.pop('rope_parameters')
    config['rope_theta'] = rope.pop('rope_theta')
    config['rope_scaling'] = None if rope['rope_type'] == 'default' else rope
    if rope['rope_type'] == 'linear':           # before 4.45 the kind was called "type"
        config['rope_scaling'] = {'type': 'linear', 'factor': rope['factor']}
    config['transformers_version'] = '4.44.0'
    return config


def save_tokenizer(path):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([MERGE_TEXT], trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=SPECIAL,
                                                                    initial_alphabet=alphabet, show_progress=False))
    assert tokenizer.get_vocab_size() == VOCAB
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=SPECIAL[0], eos_token=SPECIAL[EOS], extra_special_tokens=SPECIAL[2:],
        clean_up_tokenization_spaces=False).save_pretrained(path)
    file = path / 'tokenizer.json'
    file.write_text(json.dumps(json.loads(file.read_text()), ensure_ascii=False, separators=(',', ':')) + '\n')
    return tokenizer


# --- the reference ---

class Reference:
    """The model as transformers reads it back. router_margin: how near any choice of experts came to falling the other way."""

    def __init__(self, path):
        load = transformers.AutoModelForCausalLM.from_pretrained
        self.model = load(path, dtype=torch.float32, attn_implementation='eager').eval()
        self.router_margin = float('inf')

    @torch.no_grad()
    def logits(self, ids):
        config = self.model.config
        routed = config.model_type in ('mixtral', 'qwen3_moe')
        more = {'output_router_logits': True} if routed else {}
        out = self.model(input_ids=torch.tensor([ids]), use_cache=False, **more)
        for scores in out.router_logits if routed else ():
            best = scores.topk(config.num_experts_per_tok + 1, -1).values
            self.router_margin = min(self.router_margin, (best[:, -2] - best[:, -1]).min().item())
        return out.logits[0]

    def greedy(self, prompt):
        ids, margins = list(prompt), []
        for _ in range(GREEDY):
            best = self.logits(ids)[-1].topk(2)
            ids.append(best.indices[0].item())
            margins.append((best.values[0] - best.values[1]).item())
        return ids[len(prompt):], margins


def number(x):
    return float(f'{x:.8g}')


def expected_logits(reference, generator, length):
    ids = torch.randint(0, VOCAB, (length,), generator=generator).tolist()
    logits = reference.logits(ids)
    shown = [[number(x) for x in logits[i].tolist()] for i in SHOWN[length]]
    return dict(tokens=ids, positions=list(SHOWN[length]), logits=shown)


def expected_greedy(reference, tokenizer):
    """Of the first prompt whose answer neither ends early nor is a row of near ties or of repetitions."""
    for text in PROMPTS:
        prompt = tokenizer.encode(text, add_special_tokens=False).ids
        tokens, margins = reference.greedy(prompt)
        clear = sum(margin > 1e-3 for margin in margins)
        if min(tokens) >= len(SPECIAL) and clear >= CLEAR_MARGINS and len(set(tokens)) >= DIFFERENT:
            return dict(text=text, prompt=prompt, tokens=tokens, margins=[number(m) for m in margins])
    return None


def expectation(path, tokenizer):
    reference = Reference(path)
    generator = torch.Generator().manual_seed(7)
    sequences = [expected_logits(reference, generator, length) for length in LENGTHS]
    greedy = expected_greedy(reference, tokenizer)
    if greedy is None or reference.router_margin < ROUTER_MARGIN:
        return None
    return dict(transformers=transformers.__version__, sequences=sequences, greedy=greedy)


def describe(name, expected):
    deviations = [torch.tensor(row).std().item() for sequence in expected['sequences'] for row in sequence['logits']]
    margins = expected['greedy']['margins']
    size = sum(file.stat().st_size for file in (GOLDEN / name).iterdir())
    print(f"{name:24} logits ±{min(deviations):.1f}…{max(deviations):.1f}, smallest margin {min(margins):.4f}, "
          f"{len(set(expected['greedy']['tokens']))} different tokens of {GREEDY}, {size // 1000} kB", flush=True)


def make(name, golden):
    path = GOLDEN / name
    path.mkdir(parents=True, exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    tokenizer = save_tokenizer(path)
    for seed in range(20):
        torch.manual_seed(seed)
        save(build(golden), golden, path)
        expected = expectation(path, tokenizer)
        if expected:
            (path / 'expected.json').write_text(json.dumps(expected, ensure_ascii=False, separators=(',', ':')) + '\n')
            return describe(name, expected)
    raise SystemExit(f'{name}: no seed gives a clear answer')


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in sys.argv[1:] or MODELS:
        make(name, MODELS[name])


if __name__ == '__main__':
    main()
