//! Sees who is at risk before any model is asked, and answers with a fixed help card.
