"""Optimisers of dense nets: Adam, and gradient descent whose momentum rises while its step falls.

The latter is the published protocol of dropout nets (Hinton et al. 2012, appendix A; Srivastava et al. 2014,
appendix B): momentum from 0.5 to its final value, the step falling exponentially.
"""

from __future__ import annotations

from typing import Any

import keras

FIRST_MOMENTUM = 0.5
RAMP = 0.5
"""Share of the training over which the momentum rises; the papers' shares vary."""


class MomentumRamp(keras.optimizers.SGD):
    """Gradient descent, v <- m v - rate g, w <- w + v, whose m rises linearly from 0.5 to `momentum`.

    Args:
        momentum: the final one.
        ramp_steps: steps until it is reached.
    """

    def __init__(self, learning_rate: Any, momentum: float, ramp_steps: int) -> None:
        super().__init__(learning_rate, momentum=momentum)
        self.ramp_steps = max(int(ramp_steps), 1)

    def momentum_now(self) -> Any:
        """The momentum of the step that is taken now."""
        done = keras.ops.cast(self.iterations, "float32") / self.ramp_steps
        first = min(FIRST_MOMENTUM, self.momentum)
        return first + (self.momentum - first) * keras.ops.minimum(done, 1.0)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step."""
        rate, now = (keras.ops.cast(value, variable.dtype) for value in (learning_rate, self.momentum_now()))
        if not self.momentum:
            self.assign_sub(variable, rate * keras.ops.cast(gradient, variable.dtype))
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, now * velocity - rate * keras.ops.cast(gradient, variable.dtype))
        self.assign_add(variable, velocity)


def optimizer(
    name: str, *, learning_rate: float, steps: int, decay: float = 1.0, momentum: float = 0.95
) -> keras.optimizers.Optimizer:
    """`adam`, or `sgd` with rising momentum.

    Args:
        steps: of the whole training.
        decay: the last step's rate as a share of the first's; it falls exponentially. 1: constant.
        momentum: the final one, of `sgd`.
    """
    rate: Any = learning_rate
    if decay != 1.0:
        rate = keras.optimizers.schedules.ExponentialDecay(learning_rate, steps, decay)
    if name == "adam":
        return keras.optimizers.Adam(rate)
    return MomentumRamp(rate, momentum, round(RAMP * steps))
