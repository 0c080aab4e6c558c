//! The agent: what runs beside a gateway, and keeps it deciding while the hub is away.

pub mod haproxy;
