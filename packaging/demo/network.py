"""network.py - the demo model's network: qwen3_moe written out in plain torch, for training on a single core.

Owns the forward pass and the roundings used while training and checking. Knows nothing of text. The names of the weights and the
arithmetic are those of Hugging Face's Qwen3MoeForCausalLM; check.py compares the two.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = dict(vocab_size=3000, hidden_size=128, moe_intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
              num_key_value_heads=2, head_dim=32, num_experts=8, num_experts_per_tok=2, rope_theta=10000.0, rms_norm_eps=1e-6)
CODEBOOK = torch.tensor([-11., -8, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 11])
MIDDLES = (CODEBOOK[1:] + CODEBOOK[:-1]) / 2
GROUP = 32


def nearest_code(x):
    return CODEBOOK[torch.bucketize(x.contiguous(), MIDDLES)]


def round_bf16(w):
    return w.bfloat16().float()


def round_w4(w):
    """4 bits a weight in groups of 32 inputs, one free scale a group: near what a bundle's "w4" does, and fast enough to train with."""
    groups = w.reshape(*w.shape[:-1], -1, GROUP)
    scale = groups.abs().amax(-1, keepdim=True).clamp_min(1e-8) / 11
    return (nearest_code(groups / scale) * scale).reshape(w.shape)


def straight_through(w, rounding):
    return w if rounding is None else w + (rounding(w.detach()) - w.detach())


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        d, e, i, hd = c['hidden_size'], c['num_experts'], c['moe_intermediate_size'], c['head_dim']
        self.input_layernorm = nn.Parameter(torch.ones(d))
        self.post_attention_layernorm = nn.Parameter(torch.ones(d))
        self.q_norm = nn.Parameter(torch.ones(hd))
        self.k_norm = nn.Parameter(torch.ones(hd))
        self.q_proj = matrix(c['num_attention_heads'] * hd, d)
        self.k_proj = matrix(c['num_key_value_heads'] * hd, d)
        self.v_proj = matrix(c['num_key_value_heads'] * hd, d)
        self.o_proj = matrix(d, c['num_attention_heads'] * hd, scale=0.5)
        self.gate = matrix(e, d)
        self.gate_proj = matrix(e, i, d)
        self.up_proj = matrix(e, i, d)
        self.down_proj = matrix(e, d, i, scale=0.5)

    def attention(self, x, cos, sin, w, act):
        c, (b, t, _) = self.c, x.shape
        x = act(x)
        heads = lambda y: y.view(b, t, -1, c['head_dim']).transpose(1, 2)
        q = rotate(rms_norm(heads(x @ w('q_proj').T), self.q_norm, c['rms_norm_eps']), cos, sin)
        k = rotate(rms_norm(heads(x @ w('k_proj').T), self.k_norm, c['rms_norm_eps']), cos, sin)
        v = heads(x @ w('v_proj').T)
        share = c['num_attention_heads'] // c['num_key_value_heads']
        k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return act(y.transpose(1, 2).reshape(b, t, -1)) @ w('o_proj').T

    def experts(self, x, w, act):
        """x: tokens × hidden. Tokens are sorted by expert, so each expert is one small matrix product. Returns (y, balance loss)."""
        c, top = self.c, self.c['num_experts_per_tok']
        probs = (x @ w('gate').T).softmax(-1)
        share, chosen = probs.topk(top, -1)
        share = share / share.sum(-1, keepdim=True)
        order = chosen.flatten().argsort()
        counts = torch.bincount(chosen.flatten(), minlength=c['num_experts'])
        gate, up, down = w('gate_proj'), w('up_proj'), w('down_proj')
        parts = []
        for e, part in enumerate(act(x)[order // top].split(counts.tolist())):
            parts.append(act(F.silu(part @ gate[e].T) * (part @ up[e].T)) @ down[e].T)
        y = torch.cat(parts) * share.flatten()[order, None]
        balance = c['num_experts'] * (counts / counts.sum() * probs.mean(0)).sum()
        return torch.zeros_like(x).index_add(0, order // top, y), balance

    def forward(self, x, cos, sin, rounding, act):
        c = self.c
        w = lambda name: straight_through(getattr(self, name), rounding(name))
        x = x + self.attention(rms_norm(x, self.input_layernorm, c['rms_norm_eps']), cos, sin, w, act)
        y, balance = self.experts(rms_norm(x, self.post_attention_layernorm, c['rms_norm_eps']).flatten(0, 1), w, act)
        return x + y.view_as(x), balance


class Network(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens = matrix(c['vocab_size'], c['hidden_size'])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c['num_hidden_layers']))
        self.norm = nn.Parameter(torch.ones(c['hidden_size']))

    def forward(self, ids, rows=None, rounding=lambda name: None, act=lambda x: x):
        """ids: batch × length. rows: flat positions whose logits are wanted (default: all). Returns (logits of rows, balance loss).
        rounding(name) gives the rounding of a weight, or None; act rounds what enters a product."""
        cos, sin = self.rotations(ids.shape[1])
        table = straight_through(self.embed_tokens, rounding('embed_tokens'))
        x, balance = table[ids], 0.
        for layer in self.layers:
            x, loss = layer(x, cos, sin, rounding, act)
            balance = balance + loss
        x = x.flatten(0, 1)
        x = rms_norm(x if rows is None else x[rows], self.norm, self.c['rms_norm_eps'])
        head = straight_through(self.embed_tokens, rounding('lm_head')) if rounding('lm_head') is not rounding('embed_tokens') else table
        return act(x) @ head.T, balance

    def rotations(self, length):
        half = self.c['head_dim'] // 2
        angles = torch.arange(length)[:, None] * self.c['rope_theta'] ** (-torch.arange(half) / half)
        angles = torch.cat((angles, angles), -1)
        return angles.cos(), angles.sin()


def matrix(*shape, scale=1.0):
    return nn.Parameter(torch.randn(*shape) * scale / math.sqrt(shape[-1]))


def hf_name(name):
    """Our parameter's name → where Hugging Face keeps it; experts are split by the caller."""
    if '.' not in name:
        return f'model.{name}.weight'
    _, index, leaf = name.split('.')
    block = {'input_layernorm': '', 'post_attention_layernorm': '', 'gate': 'mlp.', 'gate_proj': 'mlp.experts.{e}.',
             'up_proj': 'mlp.experts.{e}.', 'down_proj': 'mlp.experts.{e}.'}.get(leaf, 'self_attn.')
    return f'model.layers.{index}.{block}{leaf}.weight'


def hf_weights(state):
    """Our state as Hugging Face's checkpoint names and shapes, bf16."""
    out = {}
    for name, value in state.items():
        target, value = hf_name(name), value.detach().bfloat16()
        if '{e}' not in target:
            out[target] = value.contiguous()
            continue
        for e in range(value.shape[0]):
            out[target.format(e=e)] = value[e].contiguous()
    return out


def from_hf_weights(weights, network):
    """The reverse of hf_weights, into network."""
    state = {}
    for name, value in network.state_dict().items():
        target = hf_name(name)
        state[name] = torch.stack([weights[target.format(e=e)] for e in range(value.shape[0])]) if '{e}' in target else weights[target]
    network.load_state_dict({name: value.float() for name, value in state.items()})
