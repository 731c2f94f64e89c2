"""The optimisers, in torch's and Keras's forms."""

from __future__ import annotations

from collections.abc import Mapping

from defib.derivations.update_forms import KERAS, TORCH, Form, UpdateRule, assignments
from defib.errors import UnknownNameError

P = {"p": "the parameter", "g": "its gradient at this step"}
LR = {"lr": "learning rate: the length of a step for a gradient (or direction) of 1"}
EPS = {"eps": "a small number that keeps the quotient finite where there was no gradient yet"}
SQUARES = {"v": "running mean of the squared gradients"}

UPDATE_RULES: Mapping[str, UpdateRule] = {
    "sgd": UpdateRule(
        "Gradient descent",
        {
            TORCH: Form(assignments("p = p - lr*g"), {"lr": "0.001"}, "torch.optim.SGD"),
            KERAS: Form(assignments("p = p - lr*g"), {"lr": "0.01"}, "keras.optimizers.SGD"),
        },
        P | LR,
        "A step against the gradient, in proportion to it.",
        reference="Robbins, Monro, A Stochastic Approximation Method (1951), Annals of "
        "Mathematical Statistics 22.",
    ),
    "momentum": UpdateRule(
        "Gradient descent with momentum",
        {
            TORCH: Form(
                assignments("v = mu*v + g", "p = p - lr*v"),
                {"lr": "0.001", "mu": "0.9"},
                "torch.optim.SGD(momentum=0.9); the default of momentum is 0",
            ),
            KERAS: Form(
                assignments("v = mu*v - lr*g", "p = p + v"),
                {"lr": "0.01", "mu": "0.9"},
                "keras.optimizers.SGD(momentum=0.9); the default of momentum is 0",
            ),
        },
        P
        | LR
        | {"v": "velocity: what is left of all earlier gradients", "mu": "share kept each step"},
        "Gradients of one sign add up, alternating ones cancel.",
        difference="torch keeps the learning rate out of the velocity, Keras has it inside: the "
        "same as long "
        "as the learning rate does not change, another path when it does.",
        reference="Polyak, Some methods of speeding up the convergence of iteration methods "
        "(1964).",
    ),
    "nesterov": UpdateRule(
        "Nesterov momentum",
        {
            TORCH: Form(
                assignments("v = mu*v + g", "p = p - lr*(g + mu*v)"),
                {"lr": "0.001", "mu": "0.9"},
                "torch.optim.SGD(momentum=0.9, nesterov=True)",
            ),
            KERAS: Form(
                assignments("v = mu*v - lr*g", "p = p + mu*v - lr*g"),
                {"lr": "0.01", "mu": "0.9"},
                "keras.optimizers.SGD(momentum=0.9, nesterov=True)",
            ),
        },
        P | LR | {"v": "velocity", "mu": "share of the velocity that is kept each step"},
        "The step that momentum will take next is taken already: p is the look-ahead point, so "
        "the gradient is that of where momentum is about to go.",
        difference="As for momentum: the learning rate stands outside or inside the velocity.",
        reference="Sutskever, Martens, Dahl, Hinton, On the importance of initialization and "
        "momentum in deep learning (2013), ICML.",
    ),
    "adagrad": UpdateRule(
        "AdaGrad",
        {
            TORCH: Form(
                assignments("a = a + g**2", "p = p - lr*g/(sqrt(a) + eps)"),
                {"lr": "0.01", "eps": "1e-10"},
                "torch.optim.Adagrad",
            ),
            KERAS: Form(
                assignments("a = a + g**2", "p = p - lr*g/sqrt(a + eps)"),
                {"lr": "0.001", "eps": "1e-7"},
                "keras.optimizers.Adagrad",
                {"a": "0.1"},
            ),
        },
        P | LR | EPS | {"a": "sum of all squared gradients so far: it never shrinks"},
        "Each parameter has its own step, smaller where gradients have been large; since the sum "
        "only grows, every step shrinks for ever.",
        difference="Keras starts the sum above zero, has ε inside the root, and a smaller learning "
        "rate.",
        reference="Duchi, Hazan, Singer, Adaptive Subgradient Methods (2011), JMLR 12.",
    ),
    "rmsprop": UpdateRule(
        "RMSProp",
        {
            TORCH: Form(
                assignments("v = rho*v + (1 - rho)*g**2", "p = p - lr*g/(sqrt(v) + eps)"),
                {"lr": "0.01", "rho": "0.99", "eps": "1e-8"},
                "torch.optim.RMSprop, where ρ is called alpha",
            ),
            KERAS: Form(
                assignments("v = rho*v + (1 - rho)*g**2", "p = p - lr*g/sqrt(v + eps)"),
                {"lr": "0.001", "rho": "0.9", "eps": "1e-7"},
                "keras.optimizers.RMSprop",
            ),
        },
        P | LR | EPS | SQUARES | {"rho": "share of the mean that is kept each step"},
        "AdaGrad that forgets: a running mean in place of the sum, so that steps do not die out.",
        difference="All three defaults differ, and ε stands outside the root in torch, inside in "
        "Keras.",
        reference="Tieleman, Hinton, Lecture 6.5: RMSProp (2012), Coursera.",
    ),
    "rmsprop-nesterov": UpdateRule(
        "RMSProp with Nesterov momentum",
        {
            "book": Form(
                assignments("v = rho*v + (1 - rho)*g**2", "u = mu*u - lr*g/sqrt(v)", "p = p + u"),
                {"lr": "0.001", "rho": "0.9", "mu": "0.9"},
                "Goodfellow, Bengio, Courville, Deep Learning (2016), Algorithm 8.6",
            ),
        },
        P
        | {"g": "the gradient at the look-ahead point p + μ·u, not at p"}
        | LR
        | SQUARES
        | {
            "rho": "share of the mean that is kept each step",
            "u": "velocity, made of scaled gradients",
            "mu": "share of the velocity that is kept each step",
        },
        "RMSProp's scaled gradient drives a velocity, and the gradient is taken where the velocity "
        "leads. Three methods go by this name: this one, NAdam, and `RMSprop(momentum=...)` of "
        "torch and Keras, which has no look-ahead.",
        reference="Goodfellow, Bengio, Courville, Deep Learning (2016), Algorithm 8.6.",
    ),
    "adadelta": UpdateRule(
        "AdaDelta",
        {
            framework: Form(
                assignments(
                    "v = rho*v + (1 - rho)*g**2",
                    "d = sqrt(u + eps)/sqrt(v + eps)*g",
                    "u = rho*u + (1 - rho)*d**2",
                    "p = p - lr*d",
                ),
                defaults,
                source,
            )
            for framework, defaults, source in (
                (TORCH, {"lr": "1", "rho": "0.9", "eps": "1e-6"}, "torch.optim.Adadelta"),
                (KERAS, {"lr": "0.001", "rho": "0.95", "eps": "1e-7"}, "keras.optimizers.Adadelta"),
            )
        },
        P
        | SQUARES
        | {
            "d": "the step before the learning rate: it has the unit of the parameter",
            "u": "running mean of the squared steps",
            "rho": "share of both means that is kept each step",
            "eps": "keeps the quotient finite, and starts the method: the first steps are of its "
            "root's size",
            "lr": "a factor that the paper does not have (1)",
        },
        "RMSProp whose learning rate is replaced by the size of its own recent steps.",
        difference="The equations are the same. Keras's learning rate is a thousandth of the "
        "paper's: with "
        "it the method hardly moves.",
        reference="Zeiler, ADADELTA: An Adaptive Learning Rate Method (2012), arXiv:1212.5701.",
    ),
    "adam": UpdateRule(
        "Adam",
        {
            TORCH: Form(
                assignments(
                    "m = beta1*m + (1 - beta1)*g",
                    "v = beta2*v + (1 - beta2)*g**2",
                    "mhat = m/(1 - beta1**t)",
                    "vhat = v/(1 - beta2**t)",
                    "p = p - lr*mhat/(sqrt(vhat) + eps)",
                ),
                {"lr": "0.001", "beta1": "0.9", "beta2": "0.999", "eps": "1e-8"},
                "torch.optim.Adam; Algorithm 1 of the paper",
            ),
            KERAS: Form(
                assignments(
                    "m = beta1*m + (1 - beta1)*g",
                    "v = beta2*v + (1 - beta2)*g**2",
                    "alpha = lr*sqrt(1 - beta2**t)/(1 - beta1**t)",
                    "p = p - alpha*m/(sqrt(v) + eps)",
                ),
                {"lr": "0.001", "beta1": "0.9", "beta2": "0.999", "eps": "1e-7"},
                "keras.optimizers.Adam; the form before Section 2.1 of the paper",
            ),
        },
        P
        | LR
        | EPS
        | SQUARES
        | {
            "m": "running mean of the gradients: momentum",
            "beta1": "share of the mean of gradients that is kept each step",
            "beta2": "share of the mean of squares that is kept each step",
            "t": "number of the step, from 1",
            "mhat": "m without the pull towards its start at 0",
            "vhat": "v without the pull towards its start at 0",
            "alpha": "learning rate with both corrections in it",
        },
        "Momentum divided by RMSProp's root, both corrected for their start at 0.",
        difference="Keras corrects the learning rate in place of m and v; its ε is then added to "
        "the "
        "uncorrected root, so that it weighs more in early steps.",
        reference="Kingma, Ba, Adam: A Method for Stochastic Optimization (2015), arXiv:1412.6980.",
    ),
    "adamw": UpdateRule(
        "AdamW",
        {
            TORCH: Form(
                assignments(
                    "p = p - lr*wd*p",
                    "m = beta1*m + (1 - beta1)*g",
                    "v = beta2*v + (1 - beta2)*g**2",
                    "mhat = m/(1 - beta1**t)",
                    "vhat = v/(1 - beta2**t)",
                    "p = p - lr*mhat/(sqrt(vhat) + eps)",
                ),
                {"lr": "0.001", "beta1": "0.9", "beta2": "0.999", "eps": "1e-8", "wd": "0.01"},
                "torch.optim.AdamW",
            ),
            KERAS: Form(
                assignments(
                    "p = p - lr*wd*p",
                    "m = beta1*m + (1 - beta1)*g",
                    "v = beta2*v + (1 - beta2)*g**2",
                    "alpha = lr*sqrt(1 - beta2**t)/(1 - beta1**t)",
                    "p = p - alpha*m/(sqrt(v) + eps)",
                ),
                {"lr": "0.001", "beta1": "0.9", "beta2": "0.999", "eps": "1e-7", "wd": "0.004"},
                "keras.optimizers.AdamW",
            ),
        },
        P
        | LR
        | EPS
        | SQUARES
        | {
            "wd": "weight decay: the share of the parameter that is taken off, per unit of "
            "learning rate",
            "m": "running mean of the gradients",
            "beta1": "share of the mean of gradients that is kept each step",
            "beta2": "share of the mean of squares that is kept each step",
            "t": "number of the step, from 1",
            "mhat": "m without the pull towards its start at 0",
            "vhat": "v without the pull towards its start at 0",
            "alpha": "learning rate with both corrections in it",
        },
        "Adam with weight decay beside the gradient and not inside it: the decay is not divided "
        "by the root of v.",
        difference="As for Adam, and another default of the decay.",
        reference="Loshchilov, Hutter, Decoupled Weight Decay Regularization (2019), "
        "arXiv:1711.05101.",
    ),
}


def update_rule_called(name: str) -> UpdateRule:
    """The method `name`. Raises `UnknownNameError` if there is none."""
    if name not in UPDATE_RULES:
        advice = f"Known are {', '.join(UPDATE_RULES)}."
        raise UnknownNameError("optimizer", name, UPDATE_RULES, advice=advice)
    return UPDATE_RULES[name]
