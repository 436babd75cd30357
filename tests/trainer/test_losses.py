import pytest
import torch

from trainer.losses import (
    agreement_loss,
    clean_and_noise,
    diffusion_loss,
    keypoint_loss,
    layout_alignment,
    min_snr_weight,
    semantic_alignment,
    v_target,
)


def test_v_says_what_the_clean_latents_and_the_noise_were() -> None:
    clean, noise, alpha_bar = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2), torch.tensor([0.0, 0.3, 0.7, 1.0])
    noisy, v = v_target(clean, noise, alpha_bar)
    predicted_clean, predicted_noise = clean_and_noise(noisy, v, alpha_bar)
    torch.testing.assert_close(predicted_clean, clean)
    torch.testing.assert_close(predicted_noise, noise)


def test_min_snr_leaves_noisy_times_alone_and_clips_clean_ones() -> None:
    alpha_bar = torch.tensor([0.0, 0.5, 0.8, 0.99])  # SNR + 1 is 1, 2, 5, 100
    torch.testing.assert_close(min_snr_weight(alpha_bar, 5.0), torch.tensor([1.0, 1.0, 1.0, 0.05]))
    torch.testing.assert_close(min_snr_weight(alpha_bar, None), torch.ones(4))


def test_the_mask_decides_where_an_error_counts() -> None:
    target = torch.zeros(1, 1, 2, 2)
    wrong = torch.zeros(1, 1, 2, 2)
    wrong[..., 0, 0] = 1
    on, without = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    on[..., 0, 0], without[..., 0, 0] = 3, 0
    one = torch.ones(1)
    assert diffusion_loss(wrong, target, on, one).item() == pytest.approx(0.5)
    assert diffusion_loss(wrong, target, without, one).item() == 0


def test_joints_that_are_not_seen_cost_nothing() -> None:
    found, target = torch.zeros(2, 17, 2), torch.ones(2, 17, 2)
    visible = torch.zeros(2, 17)
    assert keypoint_loss(found, target, visible).item() == 0
    visible[0, :3] = 1
    assert keypoint_loss(found, target, visible).item() == pytest.approx(
        3.0
    )  # 3 joints at distance^2 2, over 2 pictures


def test_agreement_is_zero_for_equal_directions_and_two_for_opposite_ones() -> None:
    vector = torch.randn(5, 8)
    assert agreement_loss(vector, 3 * vector).item() == pytest.approx(0, abs=1e-6)
    assert agreement_loss(vector, -vector).item() == pytest.approx(2, abs=1e-6)


def test_alignment_is_zero_only_where_the_identity_changes_nothing() -> None:
    query, keys = torch.randn(2, 3, 6, 4), torch.randn(2, 3, 5, 4)
    assert semantic_alignment(query, query, keys).item() == 0
    assert layout_alignment(query, query).item() == 0
    assert semantic_alignment(query + 1, query, keys).item() > 0.1
    assert layout_alignment(query + 1, query).item() == pytest.approx(1)
