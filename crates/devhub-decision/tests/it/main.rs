//! The table and the decision, seen from outside. `decisions.txt` beside this folder is the part to read first.

mod concurrency;
mod decisions;
mod given;
mod headers;
mod model;
mod rules;
mod soundness;
