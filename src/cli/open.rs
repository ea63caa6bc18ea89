//! Opens what most commands need: the bank, the models, the encoder.
