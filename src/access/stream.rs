//! Replies that go on: one that is a stream ends at the instant at which its caller has nothing left to stand on.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use hyper::body::{Body as Message, Frame, SizeHint};
use tonic::Status;

/// Ends with the status of the end.
type Over = Pin<Box<dyn Future<Output = Status> + Send>>;

/// A body that ends when its time is over, whatever there was still to say.
struct Bounded {
    /// Nothing is left of it after the end: whoever makes it learns that nobody listens.
    body: Option<Body>,
    over: Over,
}

/// `body`, until `over` ends.
pub(super) fn bounded(body: Body, over: impl Future<Output = Status> + Send + 'static) -> Body {
    Body::new(Bounded { body: Some(body), over: Box::pin(over) })
}

impl Message for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Bounded { body, over } = &mut *self;
        let Some(inner) = body else { return Poll::Ready(None) };
        // First: what is ready to be said at that instant is not said.
        if let Poll::Ready(status) = over.as_mut().poll(cx) {
            *body = None;
            let mut trailers = HeaderMap::new();
            // What cannot be written as trailers is the end of a stream without a status, which is an error as well.
            let told = status.add_header(&mut trailers).is_ok();
            return Poll::Ready(told.then(|| Ok(Frame::trailers(trailers))));
        }
        let polled = Pin::new(inner).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) {
            *body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Message::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::StreamExt as _;
    use tokio::sync::{mpsc, oneshot};
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;
    use crate::rpc::status;

    async fn next(body: &mut Body) -> Option<Frame<Bytes>> {
        std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await.map(|frame| frame.expect("a frame"))
    }

    #[tokio::test]
    async fn nothing_is_said_after_the_end_and_whoever_says_it_learns_that() {
        let (sender, receiver) = mpsc::channel(4);
        let (end, ended) = oneshot::channel::<()>();
        let said = ReceiverStream::new(receiver).map(Ok::<_, Infallible>);
        let mut body = bounded(Body::from_stream(said), async {
            let _ = ended.await;
            status::credentials_expired()
        });
        sender.send("one").await.expect("heard");
        assert_eq!(next(&mut body).await.expect("a frame").into_data().ok().as_deref(), Some(&b"one"[..]));
        sender.send("two").await.expect("room");
        end.send(()).expect("waited for");
        let trailers = next(&mut body).await.expect("a frame").into_trailers().expect("trailers");
        assert_eq!(trailers["grpc-status"], "16");
        sender.closed().await;
        assert!(body.is_end_stream() && next(&mut body).await.is_none());
    }
}
