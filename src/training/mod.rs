//! Training of tokenizers and models.
