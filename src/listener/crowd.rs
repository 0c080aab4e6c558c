//! The places of a listener: so many altogether, and so many of them for one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The part of an IPv6 address that tells networks apart: whoever has one such network has all addresses in it.
const NETWORK: u128 = !(u64::MAX as u128);

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    Everywhere,
    /// The address has taken all that one may have.
    ForPeer,
}

impl Full {
    /// Both of them.
    pub const ALL: [Full; 2] = [Full::Everywhere, Full::ForPeer];

    /// The name used in figures.
    pub const fn label(self) -> &'static str {
        match self {
            Full::Everywhere => "TOTAL",
            Full::ForPeer => "PEER",
        }
    }
}

/// Who is there.
#[derive(Debug, Clone)]
pub struct Crowd {
    room: Arc<Semaphore>,
    places: u32,
    per_peer_max: u32,
    peers: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// A place for as long as this lives.
#[derive(Debug)]
pub struct Place {
    peer: Option<IpAddr>,
    peers: Arc<Mutex<HashMap<IpAddr, u32>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(peer) = self.peer else { return };
        let mut peers = self.peers.lock();
        if let Some(count) = peers.get_mut(&peer) {
            *count -= 1;
            // Addresses that are gone would pile up.
            if *count == 0 {
                peers.remove(&peer);
            }
        }
    }
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

impl Crowd {
    /// So many places, and so many of them for one address.
    pub fn new(places: u32, per_peer_max: u32) -> Crowd {
        Crowd { room: Arc::new(Semaphore::new(places as usize)), places, per_peer_max, peers: Arc::default() }
    }

    /// A place for a connection from `address`; of sockets in the file system it has none.
    ///
    /// # Errors
    /// When there is none left.
    pub fn enter(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_| Full::Everywhere)?;
        let peer = address.map(network);
        if let Some(peer) = peer {
            let mut peers = self.peers.lock();
            let count = peers.entry(peer).or_default();
            if *count >= self.per_peer_max {
                return Err(Full::ForPeer);
            }
            *count += 1;
        }
        Ok(Place { peer, peers: Arc::clone(&self.peers), _place: place })
    }

    /// Waits until everybody has left.
    pub async fn left(&self) {
        // Nobody closes the room; whoever did would wait for nobody.
        let _ = self.room.acquire_many(self.places).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn places_are_bounded_altogether_and_for_one_address_and_are_given_back() {
        let crowd = Crowd::new(3, 2);
        let first = crowd.enter(from("192.0.2.1")).expect("a place");
        let _second = crowd.enter(from("192.0.2.1")).expect("a place");
        assert_eq!(crowd.enter(from("192.0.2.1")).map(drop), Err(Full::ForPeer));
        // One who was turned away took nothing.
        let third = crowd.enter(from("192.0.2.2")).expect("a place");
        assert_eq!(crowd.enter(from("192.0.2.3")).map(drop), Err(Full::Everywhere));
        drop(first);
        crowd.enter(from("192.0.2.1")).expect("given back");
        drop(third);
        assert_eq!(crowd.peers.lock().len(), 1, "who is gone is forgotten");
    }

    #[test]
    fn an_address_is_what_one_host_has() {
        let crowd = Crowd::new(9, 1);
        let _v4 = crowd.enter(from("192.0.2.1")).expect("a place");
        assert_eq!(crowd.enter(from("::ffff:192.0.2.1")).map(drop), Err(Full::ForPeer));
        let _v6 = crowd.enter(from("2001:db8::1")).expect("a place");
        assert_eq!(crowd.enter(from("2001:db8::2:1")).map(drop), Err(Full::ForPeer));
        let _other = crowd.enter(from("2001:db8:0:1::1")).expect("another network");
        let _sockets = [crowd.enter(None), crowd.enter(None)].map(|place| place.expect("sockets have no address"));
    }
}
