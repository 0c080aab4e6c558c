//! Floods: more frames than anybody needs.

use tokio::io::AsyncWriteExt as _;

use crate::frames::*;
use crate::target::Target;

/// A flood: its name, what goes before it, how many times, and what.
type Flood<'f> = (&'f str, Vec<u8>, u32, &'f dyn Fn(u32) -> Vec<u8>);

/// Streams of a client have odd numbers.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

#[tokio::test]
async fn floods_of_frames_harm_nobody_else() {
    let target = Target::start().await;
    let open = frame(HEADERS, END_HEADERS, 1, &authorize());
    let cancel = 8_u32.to_be_bytes();
    let floods: [Flood<'_>; 8] = [
        ("rapid reset", Vec::new(), 50_000, &|number| {
            let headers = frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &authorize());
            [headers, frame(RST_STREAM, 0, stream(number), &cancel)].concat()
        }),
        ("streams that never end", Vec::new(), 20_000, &|number| {
            frame(HEADERS, END_HEADERS, stream(number), &authorize())
        }),
        ("empty DATA", open.clone(), 300_000, &|_| frame(DATA, 0, 1, &[])),
        ("SETTINGS", Vec::new(), 300_000, &|_| frame(SETTINGS, 0, 0, &[])),
        ("SETTINGS that change a lot", Vec::new(), 100_000, &|number| {
            let table = [&[0, 1][..], &(number % 65_536).to_be_bytes()].concat();
            let window = [&[0, 4][..], &(number % 65_536).to_be_bytes()].concat();
            frame(SETTINGS, 0, 0, &[table, window].concat())
        }),
        ("PING", Vec::new(), 300_000, &|_| frame(PING, 0, 0, &[7; 8])),
        ("PRIORITY", Vec::new(), 300_000, &|number| frame(PRIORITY, 0, stream(number), &[0, 0, 0, 0, 7])),
        ("WINDOW_UPDATE", open, 300_000, &|_| frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes())),
    ];
    for (what, first, count, of) in floods {
        let flooded = async {
            let mut attacker = Attacker::at(target.address).await;
            attacker.send(&first).await;
            attacker.flood(0..count, of).await;
            // Cut off, or answered as far as anybody can be who asks so much: never left hanging.
            attacker.is_answered().await
        };
        let answered = target.suffers(what, flooded).await;
        println!("{what}: {}", if answered { "answered to its end" } else { "cut off" });
    }
}

#[tokio::test]
async fn headers_without_an_end_are_cut_off() {
    let target = Target::start().await;
    // 128 MiB of them, of which a limit of 16 KiB is to be left.
    let parts: [(&str, Vec<u8>); 3] = [
        ("large ones", field("x-more", &"a".repeat(16_000))),
        ("small ones", (0..2_000).flat_map(|_| field("x", "y")).collect()),
        ("empty ones", Vec::new()),
    ];
    for (what, part) in parts {
        let cut = async {
            let mut attacker = Attacker::at(target.address).await;
            attacker.send(&frame(HEADERS, 0, 1, &authorize())).await;
            let count = u32::try_from((128 << 20) / (part.len() + 64)).unwrap();
            attacker.flood(0..count, |_| frame(CONTINUATION, 0, 1, &part)).await;
            attacker.closed().await
        };
        target.suffers(what, cut).await;
    }
    // One that ends, and is too large: it alone is refused.
    let refused = async {
        let mut attacker = Attacker::at(target.address).await;
        let large = [authorize(), field("x-more", &"a".repeat(40_000))].concat();
        let (first, rest) = large.split_at(16_000);
        let (second, third) = rest.split_at(16_000);
        let frames = [(HEADERS, 0, first), (CONTINUATION, 0, second), (CONTINUATION, END_HEADERS, third)];
        attacker.send(&frames.map(|(kind, flags, part)| frame(kind, flags, 1, part)).concat()).await;
        attacker.is_answered().await
    };
    target.suffers("a header list of 40 KB", refused).await;
}

#[tokio::test]
async fn whoever_reads_nothing_holds_up_nobody() {
    let target = Target::start().await;
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let list = [0, 0, 0, 0, 0];
    let ask = |number: u32| {
        let headers = frame(HEADERS, END_HEADERS, stream(number), &call("/devhub.v1.ApiService/ListPolicies"));
        [headers, frame(DATA, END_STREAM, stream(number), &list)].concat()
    };
    // No window for any reply, on as many streams as there may be.
    let slow = async {
        let mut attackers = Vec::new();
        for _ in 0..8 {
            let mut attacker = Attacker::saying(target.address, &[PREFACE, &no_window].concat()).await;
            attacker.flood(0..256, ask).await;
            assert!(attacker.is_answered().await, "it breaks no rule");
            attackers.push(attacker);
        }
        target.answers_others().await;
    };
    target.suffers("no window", slow).await;
    // Nothing is read from the socket at all, and everything asks for an answer. Writing stops when the server stops
    // reading, so nobody waits for it.
    let deaf = async {
        let (mut quiet, mut floods) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let (read, mut write) = tokio::net::TcpStream::connect(target.address).await.unwrap().into_split();
            quiet.push(read);
            floods.push(tokio::spawn(async move {
                let pings: Vec<u8> = (0..4096).flat_map(|_| frame(PING, 0, 0, &[7; 8])).collect();
                let mut sent = write.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
                while sent.is_ok() {
                    sent = write.write_all(&pings).await;
                }
            }));
        }
        for _ in 0..500 {
            target.answers_others().await;
        }
        floods.iter().for_each(tokio::task::JoinHandle::abort);
    };
    target.suffers("no reading", deaf).await;
}
