//! Long answers on their way: each holds its words in memory until the client has taken them, and a client may take its
//! time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::problem::Problem;
use super::visitor::Visitor;
use crate::store::VisitorId;

/// Most long answers on their way: with conversations of two megabytes, a few hundred megabytes.
const MOST: usize = 128;
/// Most of one address, behind which there may be a house of people.
const MOST_OF_ADDRESS: usize = 32;
/// Most of one visitor: a page that loads, another tab, an export.
const MOST_OF_VISITOR: usize = 4;

/// Bytes up to which an answer is short, and not counted: when a server comes back, all its pages ask at once.
const SHORT: usize = 64 * 1024;

/// Counts long answers.
#[derive(Default)]
pub(super) struct Reads {
    // A std Mutex: held for one count.
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    of: HashMap<Reader, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Reader {
    Visitor(VisitorId),
    Address(IpAddr),
}

/// Room for one long answer, given back when this is dropped.
pub(super) struct Room {
    readers: Vec<Reader>,
    open: Arc<Mutex<Open>>,
}

impl Reads {
    /// Room for an answer of so many bytes, if it is a long one.
    ///
    /// # Errors
    /// As [`Reads::begin`].
    pub(super) fn hold(&self, bytes: usize, visitor: &Visitor) -> Result<Option<Room>, Problem> {
        (bytes > SHORT).then(|| self.begin(visitor.id(), visitor.network)).transpose()
    }

    /// Room for one more.
    ///
    /// # Errors
    /// 429 `too-many-requests` if the visitor or the address has all it may have; 503 `busy` if the process has.
    pub(super) fn begin(&self, visitor: VisitorId, address: Option<IpAddr>) -> Result<Room, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= MOST {
            return Err(Problem::busy("very many conversations are being read at this moment"));
        }
        let visitor = (Reader::Visitor(visitor), MOST_OF_VISITOR);
        let address = address.map(|address| (Reader::Address(address), MOST_OF_ADDRESS));
        let readers: Vec<(Reader, usize)> = std::iter::once(visitor).chain(address).collect();
        for (reader, most) in &readers {
            if open.of.get(reader).is_some_and(|count| count >= most) {
                return Err(Problem::too_many_reads(*most));
            }
        }
        let readers: Vec<Reader> = readers.into_iter().map(|(reader, _)| reader).collect();
        open.all += 1;
        for reader in &readers {
            *open.of.entry(*reader).or_default() += 1;
        }
        Ok(Room { readers, open: self.open.clone() })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        for reader in &self.readers {
            if let Some(count) = open.of.get_mut(reader) {
                *count -= 1;
                if *count == 0 {
                    open.of.remove(reader);
                }
            }
        }
    }
}

/// A body that takes room until the client has all of it.
pub(super) struct Held {
    body: Option<Bytes>,
    size: u64,
    _room: Option<Room>,
}

impl Held {
    pub(super) fn new(body: Vec<u8>, room: Option<Room>) -> Self {
        Self { size: body.len() as u64, body: Some(body.into()), _room: room }
    }
}

impl MessageBody for Held {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.size)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(self.body.take().map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_visitor_and_an_address_read_so_much_at_once() {
        let reads = Reads::default();
        let visitor = |number: u128| VisitorId(Uuid::from_u128(number));
        let address = Some("203.0.113.1".parse().unwrap());
        let own: Vec<Room> = (0..MOST_OF_VISITOR).map(|_| reads.begin(visitor(1), address).unwrap()).collect();
        assert_eq!(reads.begin(visitor(1), address).err().unwrap().code(), "too-many-requests");
        let others = (2..).map_while(|number| reads.begin(visitor(number), address).ok());
        let others: Vec<Room> = others.collect();
        assert_eq!(own.len() + others.len(), MOST_OF_ADDRESS);
        assert!(reads.begin(visitor(99), None).is_ok(), "who comes from elsewhere");
        drop((own, others));
        let open = reads.open.lock().unwrap();
        assert!(open.all == 0 && open.of.is_empty(), "who left is not remembered");
    }
}
