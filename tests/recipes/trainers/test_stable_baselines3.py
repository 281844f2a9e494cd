"""stable-baselines3: the drop-in's class in `policy_kwargs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.recipes.trainers.both import OURS, THEIRS, assert_close, each_direction

stable_baselines3: Any = pytest.importorskip("stable_baselines3")
gymnasium: Any = pytest.importorskip("gymnasium")
rmsprop_tf_like: Any = pytest.importorskip("stable_baselines3.common.sb2_compat.rmsprop_tf_like")

RMSPROP = {"alpha": 0.99, "eps": 1e-5}
LIKE = {"optimizer_class": rmsprop_tf_like.RMSpropTFLike, "optimizer_kwargs": RMSPROP}
OWN = {
    "optimizer_class": OURS.RMSprop,
    "optimizer_kwargs": {**RMSPROP, "eps_inside_sqrt": True, "initial_accumulator_value": 1.0},
}


def learned(algorithm: str, policy: dict[str, Any], **options: Any) -> Any:
    sizes = {"PPO": {"n_epochs": 2, "batch_size": 16}, "A2C": {}}[algorithm]
    agent = getattr(stable_baselines3, algorithm)(
        "MlpPolicy", "CartPole-v1", n_steps=32, seed=0, device="cpu",
        policy_kwargs={"net_arch": [8], **policy}, **{**sizes, **options},
    )  # fmt: skip
    return agent.learn(64)


def gone_on(file: Path, algorithm: str, policy: dict[str, Any]) -> Any:
    """Return the agent of a file after some more steps with a policy of those arguments."""
    agent = getattr(stable_baselines3, algorithm).load(
        file,
        env=gymnasium.make("CartPole-v1"),
        device="cpu",
        custom_objects={"policy_kwargs": {"net_arch": [8], **policy}},
    )
    agent.set_random_seed(0)
    return agent.learn(64)


def weights(agent: Any) -> Any:
    return agent.policy.state_dict()


def adam(library: Any, **options: Any) -> dict[str, Any]:
    kwargs = {"eps": 1e-5, **options}
    return {"optimizer_class": library.Adam, "optimizer_kwargs": kwargs}


def test_adam_with_the_policy_s_eps_is_the_default() -> None:
    assert_close(weights(learned("PPO", adam(OURS))), weights(learned("PPO", {})))


def test_only_torch_s_adam_itself_gets_the_policy_s_eps() -> None:
    agent = learned("PPO", {"optimizer_class": OURS.Adam})
    assert agent.policy.optimizer.defaults["eps"] == 1e-8
    assert learned("PPO", {}).policy.optimizer.defaults["eps"] == 1e-5


def test_rmsprop_with_the_algorithm_s_options_is_the_default_of_a2c() -> None:
    policy = {"optimizer_class": OURS.RMSprop, "optimizer_kwargs": RMSPROP}
    assert_close(weights(learned("A2C", policy)), weights(learned("A2C", {})))


def test_rmsprop_tf_like_is_rmsprop_with_two_options() -> None:
    assert_close(weights(learned("A2C", OWN)), weights(learned("A2C", LIKE)))


def test_a_saved_rmsprop_tf_like_goes_on(tmp_path: Path) -> None:
    learned("A2C", LIKE).save(tmp_path / "agent.zip")
    ours, theirs = (gone_on(tmp_path / "agent.zip", "A2C", policy) for policy in (OWN, LIKE))
    assert_close(weights(ours), weights(theirs))


@each_direction
def test_a_saved_agent_goes_on(tmp_path: Path, first: Any, then: Any) -> None:
    def saved_and_gone_on(one: Any, other: Any) -> Any:
        learned("PPO", adam(one)).save(tmp_path / "agent.zip")
        agent = gone_on(tmp_path / "agent.zip", "PPO", adam(other))
        assert isinstance(agent.policy.optimizer, other.Adam)
        return weights(agent)

    assert_close(saved_and_gone_on(first, then), saved_and_gone_on(THEIRS, THEIRS))


def test_the_drop_in_clips_in_the_place_of_the_algorithm() -> None:
    ours = learned("PPO", adam(OURS, clip_norm=0.1), max_grad_norm=float("inf"))
    assert ours.policy.optimizer.last_grad_norm > 0.1
    assert_close(weights(ours), weights(learned("PPO", adam(THEIRS), max_grad_norm=0.1)))


def test_sac_keeps_torch_s_adam_for_its_entropy_coefficient() -> None:
    agent = stable_baselines3.SAC(
        "MlpPolicy", "Pendulum-v1", device="cpu", policy_kwargs={"optimizer_class": OURS.Adam}
    )
    assert type(agent.actor.optimizer) is OURS.Adam
    assert type(agent.critic.optimizer) is OURS.Adam
    assert type(agent.ent_coef_optimizer) is THEIRS.Adam
