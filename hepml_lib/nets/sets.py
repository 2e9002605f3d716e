"""Networks on sets: a jet is an unordered list of constituents of any length.

Every network here is F(Σᵢ Φ(pᵢ)): a network Φ sees one constituent, a sum makes the result
independent of their order, a network F reads the sum (Zaheer et al., arXiv:1703.06114).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hepml_lib.nets.dense import MLP, dense_layers
from hepml_lib.nets.network import Network

__all__ = ["EFN", "PFN", "DeepSets"]


def _set_sum(
    phi: nn.Module, elements: Tensor, mask: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Sum of phi over the real elements of each set; zero for an empty set.

    Real elements are packed into one list before phi sees them. Padding then costs nothing, and
    whatever it holds, NaN included, cannot reach the output.
    """
    if elements.shape[:2] != mask.shape or mask.dtype != torch.bool:
        raise ValueError(
            f"the mask must be boolean of shape {tuple(elements.shape[:2])}, one entry per "
            f"constituent, not {mask.dtype} of shape {tuple(mask.shape)}"
        )
    values = phi(elements[mask])
    if weight is not None:
        values = values * weight[mask].unsqueeze(-1)
    owner = mask.nonzero()[:, 0]
    return values.new_zeros(len(mask), values.shape[-1]).index_add(0, owner, values)


class DeepSets(Network):
    """Deep Sets: F(Σᵢ Φ(xᵢ)) on any features of the constituents.

    Parameters
    ----------
    features
        Numbers per constituent.
    outputs
        Logits per set; with 1 the output has shape (n,), else (n, outputs).
    phi, rho
        Widths of the layers of Φ, the last of which is the size of the sum, and of F.
    dropout
        Probability with which training drops a unit of F.

    References
    ----------
    Zaheer et al., arXiv:1703.06114.

    Examples
    --------
    >>> network = DeepSets(2, phi=(8, 4), rho=(8,))
    >>> network(features=torch.zeros(5, 3, 2), mask=torch.ones(5, 3, dtype=torch.bool)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        features: int,
        outputs: int = 1,
        phi: Sequence[int] = (64, 64),
        rho: Sequence[int] = (64, 64),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.phi = dense_layers((features, *phi))
        self.rho = MLP(phi[-1], outputs, rho, dropout)

    def forward(self, *, features: Tensor, mask: Tensor) -> Tensor:
        """Logits of sets, shape (n,) or (n, outputs).

        Parameters
        ----------
        features
            Shape (n, P, features); what padding holds is not looked at.
        mask
            True for real constituents, boolean, shape (n, P).

        Raises
        ------
        ValueError
            If the mask does not fit.
        """
        return self.rho(_set_sum(self.phi, features, mask))


class PFN(DeepSets):
    """Particle Flow Network: Deep Sets with the published layer sizes.

    It sees transverse momenta and angles as features of Φ, so that a soft or collinear emission
    changes its output: it is *not* infrared and collinear safe.

    Parameters
    ----------
    features, phi, rho
        As in `DeepSets`.
    **options
        ``outputs`` and ``dropout`` of `DeepSets`.

    References
    ----------
    Komiske, Metodiev, Thaler, arXiv:1810.05165.

    Examples
    --------
    >>> sum(p.numel() for p in PFN(4).parameters())
    82457
    """

    def __init__(
        self,
        features: int,
        phi: Sequence[int] = (100, 100, 256),
        rho: Sequence[int] = (100, 100, 100),
        **options: Any,
    ) -> None:
        super().__init__(features, phi=phi, rho=rho, **options)


class EFN(Network):
    """Energy Flow Network: F(Σᵢ zᵢ Φ(p̂ᵢ)), infrared and collinear safe by construction.

    The momentum fraction zᵢ enters only as a factor. A constituent with z = 0 drops out, and two
    constituents in the same direction count as one with the sum of their z. That holds for all
    constituents of the jet: a list cut at the P hardest is no longer exactly safe.

    Parameters
    ----------
    outputs, phi, rho, dropout
        As in `DeepSets`; Φ sees two angles.

    References
    ----------
    Komiske, Metodiev, Thaler, arXiv:1810.05165.

    Examples
    --------
    >>> network = EFN()
    >>> sum(p.numel() for p in network.parameters())
    82257
    >>> z, angles = torch.tensor([[0.7, 0.3]]), torch.tensor([[[0.0, 0.1], [0.2, 0.0]]])
    >>> network(fractions=z, angles=angles, mask=z > 0).shape
    torch.Size([1])
    """

    def __init__(
        self,
        outputs: int = 1,
        phi: Sequence[int] = (100, 100, 256),
        rho: Sequence[int] = (100, 100, 100),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.phi = dense_layers((2, *phi))
        self.rho = MLP(phi[-1], outputs, rho, dropout)

    def forward(self, *, fractions: Tensor, angles: Tensor, mask: Tensor) -> Tensor:
        """Logits of jets, shape (n,) or (n, outputs).

        Parameters
        ----------
        fractions
            Each constituent's share of the jet's pT, shape (n, P).
        angles
            η and φ from the jet axis, shape (n, P, 2) [rad].
        mask
            True for real constituents, boolean, shape (n, P).

        Raises
        ------
        ValueError
            If the mask does not fit.
        """
        return self.rho(_set_sum(self.phi, angles, mask, fractions))
