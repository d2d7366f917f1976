"""What does one more unit of income do to the odds of buying, and does the answer exist without a penalty?

    make exp NAME=purchase_odds              seconds; no TensorFlow
    make exp NAME=purchase_odds SET="C=100"  a weaker penalty, a larger ratio

The course's six people (age, income, bought or not) are separated by a straight line, so that maximum likelihood has
no finite solution: the coefficients exist only through the penalty |w|^2 / 2C. Predicts [28, 8]; at C=1 with lbfgs
p = .84911 and the odds are multiplied by 2.54038 (liblinear, the default of 2019: .85305 and 2.49817).
"""

import math
from typing import Literal

from dlcamp import Claim, ExperimentConfig, Float, experiment, minimize, tune


class Config(ExperimentConfig):
    """How strongly the coefficients are held down, and who is asked about."""

    C: float = tune(1.0, valid=Float(1e-6, 1e9), space=Float(1e-3, 1e3, log=True), help="inverse of the penalty")
    solver: Literal["lbfgs", "liblinear"] = tune("lbfgs", help="liblinear penalises the intercept too")
    age: float = tune(28.0, valid=Float(0, 150), help="of the person asked about")
    income: float = tune(8.0, valid=Float(0, 1e6), help="of the person asked about")


def _is_exponential(metrics):
    return "supported" if abs(metrics["val/odds_ratio_error"]) < 1e-9 else "refuted"


def _grows(metrics):
    return "supported" if metrics["val/odds_ratio_weak_penalty"] > metrics["val/odds_ratio"] else "refuted"


@experiment(
    config=Config,
    data=["purchases"],
    objective=minimize("val/log_loss"),
    course="1.1 逻辑回归",
    claims=[
        Claim(
            "with income + 1 the odds are multiplied by exp(coefficient of income)",
            "the ratio of the odds of two such rows differs from it by 1e-9 or more",
            _is_exponential,
        ),
        Claim(
            "the ratio exists only through the penalty: it grows with C",
            "the ratio at a thousand times the C is no larger",
            _grows,
        ),
    ],
    sources={"model": "dlcamp.training.linear:LogisticModel", "figure": "dlcamp.analysis.boundary:draw_boundary"},
    predictor="dlcamp.training.linear:LogisticModel",
    scorer="experiments.basics.purchase_odds:rescore",
    floor="experiments.basics.purchase_odds:base_rate",
    next="another penalty: make exp NAME=purchase_odds SET=C=1000; or caption images: make exp NAME=caption_lstm",
)
def purchase_odds(config, data, run):
    model = _fit(config, data.rows)
    asked = {"age": config.age, "income": config.income}
    richer = {**asked, "income": config.income + 1}
    probability = float(model.probabilities([asked])[0])
    ratio = model.odds_ratio("income")
    weak = _fit(config.model_copy(update={"C": config.C * 1000}), data.rows).odds_ratio("income")
    rows, totals = rescore(model, data, config, "val")
    run.predictions(rows)
    _figures(config, data, run, model, probability)
    run.text(_summary(config, model, totals, probability), "summary.txt")
    run.model(model, [row.row for row in data.rows])
    return {
        **totals,
        "val/probability_asked": probability,
        "val/odds_ratio": ratio,
        "val/odds_ratio_age": model.odds_ratio("age"),
        "val/odds_ratio_error": model.odds(richer) / model.odds(asked) - ratio,
        "val/odds_ratio_weak_penalty": weak,
        "cost/parameters": float(len(model.coefficients) + 1),
    }


def _fit(config, rows):
    from dlcamp.training.linear import LogisticModel

    labels = [row.bought for row in rows]
    return LogisticModel.fit([row.row for row in rows], labels, penalty_inverse=config.C, solver=config.solver)


def rescore(predictor, data, config, split):
    """Rows and totals: the predictor on the six people (train), and each of them left out in turn (val).

    Six people have no validation split: for `val` the config is fitted anew on the other five.
    """
    rows = []
    losses: dict[str, list[float]] = {"train": [], "val": []}
    for index, left in enumerate(data.rows):
        others = [row for place, row in enumerate(data.rows) if place != index]
        held_out = float(_fit(config, others).probabilities([left.row])[0])
        seen = float(predictor.probabilities([left.row])[0])
        for name, p in (("train", seen), ("val", held_out)):
            losses[name].append(-math.log(p if left.bought else 1 - p))
        person = {"item": f"person {index + 1}", "output": held_out, "fitted": seen, "bought": left.bought}
        rows.append({**person, "log_loss": losses["val"][-1]})
    totals = {f"{name}/log_loss": sum(values) / len(values) for name, values in losses.items()}
    right = [(row["output"] >= 0.5) == bool(row["bought"]) for row in rows]
    return rows, {**totals, "val/accuracy": sum(right) / len(right)}


def base_rate(data, config, split):
    """The floor: each person left out in turn, and the share of the other five who bought told of them."""
    rows = []
    for index, left in enumerate(data.rows):
        others = [row.bought for place, row in enumerate(data.rows) if place != index]
        share = sum(others) / len(others)
        loss = -math.log(share if left.bought else 1 - share)
        rows.append({"item": f"person {index + 1}", "output": share, "bought": left.bought, "log_loss": loss})
    return "the share of the other five who bought", rows


def _summary(config, model, totals, probability):
    course = {"lbfgs": (0.84911, 2.54038), "liblinear": (0.85305, 2.49817)}[config.solver]
    beside = (
        f"course: {course[0]:.5f} and {course[1]:.5f}" if (config.C, config.age, config.income) == (1, 28, 8) else ""
    )
    age, income = model.coefficients
    return "\n".join(
        [
            f"  p(buys) at age {config.age:g}, income {config.income:g}   {probability:.5f}",
            f"  odds are multiplied by   {model.odds_ratio('income'):.5f} with income + 1, "
            f"{model.odds_ratio('age'):.5f} with age + 1   {beside}",
            f"  log odds = {model.intercept:.4f} {age:+.4f} age {income:+.4f} income",
            f"  C = {config.C:g}, {config.solver} at its default tolerance, as the course ran it",
            f"  left out in turn, 6 people: log loss {totals['val/log_loss']:.3f}, {totals['val/accuracy']:.0%} right",
            "Six people show the arithmetic, not a market: no interval is worth printing.",
        ]
    )


def _figures(config, data, run, model, probability):
    import numpy as np

    from dlcamp.analysis.boundary import BoundaryInfo, draw_boundary, draw_ratio_against_penalty

    xs, ys = np.linspace(15, 65, 101), np.linspace(0, 16, 97)
    grid = [{"age": x, "income": y} for y in ys for x in xs]
    info = BoundaryInfo(
        names=("age", "income"),
        points=np.array([[row.age, row.income] for row in data.rows]),
        labels=np.array([row.bought for row in data.rows]),
        xs=xs,
        ys=ys,
        probabilities=model.probabilities(grid).reshape(len(ys), len(xs)),
        asked=(config.age, config.income),
        answer=probability,
    )
    run.figure(draw_boundary(info), "boundary.png")
    inverses = np.geomspace(1e-3, 1e4, 22)
    ratios = [_fit(config.model_copy(update={"C": float(c)}), data.rows).odds_ratio("income") for c in inverses]
    run.figure(draw_ratio_against_penalty(inverses.tolist(), ratios, config.C), "ratio_against_penalty.png")
