//! The command line as people use it: the real binary against a real hub.
//!
//! | module | what it proves |
//! |---|---|
//! | `catalogue` | plan, apply and export agree; a reviewed plan is applied as reviewed or not at all |
//! | `blocking` | what a catalogue cannot do is told before anything is done (B27, B34) |
//! | `importing` | subscriptions are judged, brought, and resumed row by row |
//! | `asking` | check, explain, list, get and watch; exit codes; errors as sentences with a remedy |
//! | `telling` | announcements and notices: published, loaded, followed, acknowledged (B26, X11) |
//! | `local` | commands that need no hub: config, serve, backup, restore, doctor, completions |

mod asking;
mod blocking;
mod catalogue;
mod hub;
mod importing;
mod local;
mod telling;
