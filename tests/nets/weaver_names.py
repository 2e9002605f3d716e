"""Names of the weights in the public implementation weaver-core 0.5.3, and in ours."""

from __future__ import annotations

from torch import Tensor

# Replaced one after the other.
_GRAPH = {
    "bn_fts": "norm",
    "edge_convs": "blocks",
    "convs": "layers",
    "bns": "norms",
    ".sc.": ".shortcut.0.",
    ".sc_bn.": ".shortcut.1.",
    "fc.0.0": "head.0",
    "fc.1": "head.3",
}
_ATTENTION = {
    "pair_embed.embed": "embed_pairs",
    "embed.input_bn": "norm_features",
    "embed.embed": "embed",
    "cls_blocks": "class_blocks",
    "cls_token": "token",
    "attn.in_proj": "attend",
    "attn.out_proj": "project",
    "pre_attn_norm": "norm",
    "post_attn_norm": "norm_attended",
    "pre_fc_norm": "norm_dense",
    "post_fc_norm": "norm_expanded",
    "fc1": "expand",
    "fc2": "shrink",
    "c_attn": "head_scale",
    "w_resid": "shortcut_scale",
    "fc.0": "output",
}


def graph_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of our ParticleNet from those of weaver's."""
    return _renamed(state, _GRAPH)


def attention_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of our ParticleTransformer from those of weaver's."""
    return _renamed(state, _ATTENTION)


def _renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for key, value in state.items():
        for theirs, ours in names.items():
            key = key.replace(theirs, ours)
        # Convolutions of width one are linear layers; their token has two axes of length one more.
        found[key] = (
            value.flatten() if key == "token" else value.flatten(1) if value.ndim > 2 else value
        )
    return found
