"""Row-sparse gradients at work: handwritten digits as bags of words.

A digit of 8 × 8 pixels becomes 64 words, one for each pixel and its brightness. Each word has a row
of 10 scores in a table; a digit's scores are the sum of its words' rows. A batch of 32 digits names
some 600 of the 1,088 rows, and a step reads and writes these alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import instep


def words_of(images: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the 64 words of each image: a number for each pixel and brightness (0 to 16)."""
    words: NDArray[np.int_] = 17 * np.arange(images.shape[1]) + images.astype(int)
    return words


def probabilities(table: NDArray[Any], words: NDArray[np.int_]) -> NDArray[Any]:
    """Return the probability of each digit for each image."""
    scores = table[words].sum(axis=1)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[Any] = scores / scores.sum(axis=1, keepdims=True)
    return shares


def main() -> float:
    """Train, print how it goes, and return the accuracy on digits that were not seen."""
    images, digits = load_digits(return_X_y=True)
    train, test, train_digits, test_digits = train_test_split(
        words_of(images), digits, test_size=0.2, random_state=0
    )
    table = np.zeros((64 * 17, 10), np.float32)
    optimizer = instep.Adagrad(table, lr=0.1, clip_norm=5.0)
    rng = np.random.default_rng(0)
    for epoch in range(5):
        order = rng.permutation(len(train))
        touched = []
        for batch in np.array_split(order, len(order) // 32):
            words = train[batch]
            # The gradient of the mean cross-entropy by each digit's scores, the same for its words.
            error = probabilities(table, words)
            error[np.arange(len(batch)), train_digits[batch]] -= 1
            error /= len(batch)
            rows = words.reshape(-1)  # words come more than once: their gradients are summed
            optimizer.step(instep.RowGradient(rows, np.repeat(error, 64, axis=0)))
            touched.append(len(np.unique(rows)))
        accuracy = float(np.mean(probabilities(table, test).argmax(axis=1) == test_digits))
        print(f"epoch {epoch}: accuracy {accuracy:.1%}, {np.mean(touched):.0f} rows a step")
    return accuracy


if __name__ == "__main__":
    main()
