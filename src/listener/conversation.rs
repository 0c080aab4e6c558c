//! One connection: its calls are answered until it ends, or has to.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use super::presence::{Call, Presence, Step, varied};
use super::{Bounds, HEADERS_MAX, KEEPALIVE, LOCAL_RESETS_MAX, WINDOWS, wait};
use crate::access::Spoken;
use crate::access::class::{Class, class};

/// A body that is part of its call until it has been sent.
struct Attended {
    body: Body,
    _call: Call,
}

impl HttpBody for Attended {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn protocol(spoken: Spoken, bounds: &Bounds) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .max_headers(HEADERS_MAX)
        .max_buf_size((bounds.head_bytes_max as usize).max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams_max)
        .initial_connection_window_size(WINDOWS.0)
        .initial_stream_window_size(WINDOWS.1)
        .max_header_list_size(bounds.head_bytes_max)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        // Callers with short deadlines cancel many calls at once; that is no attack.
        .max_pending_accept_reset_streams(bounds.streams_max as usize)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX);
    match spoken {
        Spoken::Calls => builder,
        Spoken::Questions => builder.http1_only(),
    }
}

/// Answers what is asked on a connection, until it ends.
pub(super) async fn converse<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    spoken: Spoken,
    bounds: &Bounds,
    answer: impl Fn(Request<Incoming>) -> F,
    stopping: watch::Receiver<bool>,
) where
    F: Future<Output = Response> + Send + 'static,
{
    let mut random = [u8::MAX / 2];
    // Without randomness connections go together, and that is all.
    let _ = getrandom::fill(&mut random);
    let presence = Presence::begin(Instant::now(), bounds.age.map(|age| varied(age, random[0])));
    let service = service_fn(|request: Request<Incoming>| {
        let call = presence.call(class(request.uri().path()) == Some(Class::Streams));
        let answering = answer(request);
        async move { Ok::<_, Infallible>(answering.await.map(|body| Body::new(Attended { body, _call: call }))) }
    });
    let protocol = protocol(spoken, bounds);
    let connection = protocol.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut asked_to_go = None;
    let mut look = Instant::now();
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = tokio::time::sleep_until(look) => match presence.step(Instant::now(), bounds, asked_to_go) {
                Step::Wait(until) => look = until,
                Step::Leave => {
                    asked_to_go = Some(look);
                    connection.as_mut().graceful_shutdown();
                }
                Step::Cut => {
                    tracing::debug!("a connection that did not go when it had to is cut off");
                    return;
                }
            },
            () = wait(stopping.clone()) => {
                connection.as_mut().graceful_shutdown();
                break;
            }
        }
    }
    // The rest is a matter of the drain time.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
