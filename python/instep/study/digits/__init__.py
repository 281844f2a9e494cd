"""A small convolutional network on handwritten digits, by every optimizer at several rates."""
