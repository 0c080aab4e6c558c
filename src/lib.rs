//! devhub

pub mod store;
