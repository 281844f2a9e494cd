"""A language model of a few hundred weights, and Hugging Face's Trainer for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

transformers: Any = pytest.importorskip("transformers")

STEPS = 4


def make_model() -> Any:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        n_layer=1, n_embd=8, n_head=2, n_positions=8, vocab_size=16,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def make_trainer(folder: Path, optimizer: dict[str, Any], model: Any, **arguments: Any) -> Any:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(16, (8, 6), generator=generator)
    return transformers.Trainer(
        model,
        transformers.TrainingArguments(
            folder, max_steps=STEPS, per_device_train_batch_size=2, save_steps=2, use_cpu=True,
            logging_strategy="no", report_to="none", disable_tqdm=True,
            dataloader_pin_memory=False, **{"max_grad_norm": 0.5, **arguments},
        ),
        train_dataset=[{"input_ids": row, "labels": row} for row in rows],
        **optimizer,
    )  # fmt: skip
