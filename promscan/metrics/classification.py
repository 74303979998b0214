"""Metrics of a classifier of windows."""

from __future__ import annotations

import numpy as np

from promscan.errors import DependencyError, is_lack_of_memory
from promscan.metrics.ranking import Array


def require_sklearn() -> None:
    """Check up front that the metrics can be computed.

    Raises:
        DependencyError: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        if is_lack_of_memory(error):
            raise
        raise DependencyError("training needs scikit-learn: pip install 'promscan[train]'") from error


def classification_metrics(labels: Array, logits: Array) -> dict[str, float]:
    """Accuracy, F1 and Matthews correlation at probability 0.5; areas under the ROC and precision-recall curves.

    Args:
        labels: 0 or 1, shape (n,).
        logits: shape (n,).
    """
    from sklearn import metrics

    called = logits > 0
    return {
        "accuracy": float(metrics.accuracy_score(labels, called)),
        "f1": float(metrics.f1_score(labels, called)),
        "mcc": float(metrics.matthews_corrcoef(labels, called)),
        "auc": float(metrics.roc_auc_score(labels, logits)),
        "auprc": float(metrics.average_precision_score(labels, logits)),
    }


def cross_entropy(labels: Array, logits: Array) -> float:
    """Mean binary cross-entropy in nats."""
    z = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, z) - labels * z))
