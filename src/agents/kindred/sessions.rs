//! What may be asked of sessions. For a visitor, only those that are theirs exist.

use uuid::Uuid;

use super::Kindred;
use crate::agents::event::last_of;
use crate::agents::matcher::Assign;
use crate::agents::message::{Message, check_about, check_within};
use crate::agents::session::{Known, KnownAgain, Listen, Look, Regenerate, Say, Show, Stop};
use crate::agents::visitor::{Caller, RequestKey};
use crate::agents::{AgentError, SessionEvents};
use crate::safety;
use crate::store::{Cursor, NewSession, SessionRecord, TurnRecord, Whose};

/// Whom a session is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supporter {
    /// This character.
    Character(u32),
    /// Whoever fits what the person wrote and has room; needs a text to go by.
    Auto,
}

/// How a session stands.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionView {
    /// As stored.
    pub record: SessionRecord,
    /// Number of the last event of the stored turns: who has read them listens after this.
    pub last_event: u64,
    /// Whether a reply is being made, or waits its turn.
    pub replying: bool,
}

impl Kindred {
    /// Opens a session. `about` is what the person wrote about themselves; it is kept with the session, and is not a
    /// turn of it. The same caller's request with the same key gets the session of the first.
    ///
    /// # Errors
    /// [`AgentError::NoCharacter`]; with [`Supporter::Auto`] [`AgentError::EmptyMessage`] and the matcher's;
    /// [`AgentError::MessageTooLong`]; [`AgentError::KeyReused`]; the store's, among them that the visitor has too many.
    pub async fn open_session(
        &self,
        caller: Caller,
        supporter: Supporter,
        about: &str,
        key: Option<&RequestKey>,
    ) -> Result<SessionRecord, AgentError> {
        self.check_open()?;
        let limit = self.inner.limits.message_chars;
        let about = check_about(about, limit)?;
        let seat = match supporter {
            Supporter::Character(index) => {
                self.inner.bank.get(index).ok_or(AgentError::NoCharacter { index })?;
                self.inner.seats.take(index)
            }
            Supporter::Auto => {
                let about = check_within(about, limit)?.to_owned();
                self.matcher().send(Assign { about }).await.map_err(|_| AgentError::Interrupted)??
            }
        };
        let new = NewSession {
            owner: caller.owner(),
            supporter: seat.character,
            about: about.to_owned(),
            key: key.map(|key| key.as_str().to_owned()),
            limit: self.inner.limits.visitor_sessions,
        };
        let record = self.inner.store.open_session(new).await?;
        let asked_otherwise = matches!(supporter, Supporter::Character(index) if index != record.supporter);
        if record.about != about || asked_otherwise {
            return Err(AgentError::KeyReused);
        }
        let _waking = self.inner.waking.lock(record.id).await;
        // One that was opened by the same request before may be awake, have turns, or be deleted by now.
        let record = self.stored_session(caller, record.id).await?;
        if record.turns == 0 && self.inner.registry.session(record.id).is_none() {
            self.awaken(record.clone(), Vec::new(), Some(seat), None);
        }
        Ok(record)
    }

    /// Says something in a session. When this returns, it is stored, and its answer has begun or waits its turn: a reply
    /// in the making was stopped, what it had said is kept. Said again with the same key, it is not said twice.
    ///
    /// # Errors
    /// [`AgentError::EmptyMessage`], [`AgentError::MessageTooLong`], [`AgentError::NoSession`],
    /// [`AgentError::SessionEnded`], [`AgentError::SessionFull`], [`AgentError::NoTurn`], [`AgentError::NotAMessage`],
    /// [`AgentError::KeyReused`], [`AgentError::Overloaded`], [`AgentError::TooManyReplies`], [`AgentError::Closing`],
    /// the store's. Unless it is [`AgentError::Interrupted`], nothing was stored.
    pub async fn say(
        &self,
        caller: Caller,
        session: Uuid,
        message: impl Into<Message>,
    ) -> Result<TurnRecord, AgentError> {
        let Message { text, replaces, key } = message.into();
        let text = check_within(&text, self.inner.limits.message_chars)?.to_owned();
        let live = self.live(caller, session).await?;
        // Somebody at risk is answered by the help card: no queue may stand before that.
        let admitted = match safety::assess(&text).risk {
            Some(_) => None,
            None => Some(self.admit(caller, &live, text.len())?),
        };
        let say = Say { text, replaces, key, admitted };
        live.address.send(say).await.map_err(|_| AgentError::Interrupted)?
    }

    /// The message whose answer the same request asked for when it came before; as [`Kindred::said_before`], for
    /// [`Kindred::regenerate`].
    ///
    /// # Errors
    /// [`AgentError::NoSession`], [`AgentError::KeyReused`], the store's.
    pub async fn asked_before(
        &self,
        caller: Caller,
        session: Uuid,
        key: Option<&RequestKey>,
    ) -> Result<Option<u64>, AgentError> {
        let Some(key) = key.cloned() else { return Ok(None) };
        let live = self.live(caller, session).await?;
        live.address.send(KnownAgain { key }).await.map_err(|_| AgentError::Interrupted)?
    }

    /// Has a reply made anew, as another version: `turn` names the reply, or a message that has none; none means where
    /// the talk stands. Gives the message that is answered anew. When this returns, the answer is owed: it comes even
    /// after a crash.
    ///
    /// # Errors
    /// As [`Kindred::say`].
    pub async fn regenerate(
        &self,
        caller: Caller,
        session: Uuid,
        turn: Option<u64>,
        key: Option<RequestKey>,
    ) -> Result<u64, AgentError> {
        let live = self.live(caller, session).await?;
        let admitted = self.admit(caller, &live, 0)?;
        live.address.send(Regenerate { turn, key, admitted }).await.map_err(|_| AgentError::Interrupted)?
    }

    /// Goes over to another version: the talk stands at the newest turn beneath `seq`, which is given back.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], [`AgentError::NoTurn`], the store's.
    pub async fn show_version(&self, caller: Caller, session: Uuid, seq: u64) -> Result<u64, AgentError> {
        let live = self.live(caller, session).await?;
        live.address.send(Show { seq }).await.map_err(|_| AgentError::Interrupted)?
    }

    /// The events of a session after this number, then as they happen; `Some(0)` gives all from the first turn on,
    /// `None` the reply in the making from its beginning and what follows.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn events(&self, caller: Caller, session: Uuid, after: Option<u64>) -> Result<SessionEvents, AgentError> {
        let live = self.live(caller, session).await?;
        let (missed, events) = live.address.send(Listen { after }).await.map_err(|_| AgentError::Interrupted)?;
        Ok(SessionEvents::new(missed, events, live.awake))
    }

    /// Stops the reply in the making. What it had said is kept and given back, empty before its first word; none if no
    /// reply was being made.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn stop(&self, caller: Caller, session: Uuid) -> Result<Option<TurnRecord>, AgentError> {
        let live = self.live(caller, session).await?;
        live.address.send(Stop { end: false }).await.map_err(|_| AgentError::Interrupted)?
    }

    /// Ends the session, and the reply in the making with it. A second time changes nothing.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn end(&self, caller: Caller, session: Uuid) -> Result<(), AgentError> {
        let live = self.live(caller, session).await?;
        live.address.send(Stop { end: true }).await.map_err(|_| AgentError::Interrupted)??;
        Ok(())
    }

    /// Deletes the session and all that was said in it, truly: nothing of it is left in the store's files.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn delete_session(&self, caller: Caller, session: Uuid) -> Result<(), AgentError> {
        self.check_open()?;
        let kindred = self.clone();
        // A task of its own: whoever asked may leave in the middle of it.
        let deleted = tokio::spawn(async move {
            let _waking = kindred.inner.waking.lock(session).await;
            kindred.stored_session(caller, session).await?;
            // First that, then the telling: who hears of it may rely on it.
            kindred.inner.store.delete_session(session).await?;
            kindred.put_out_locked(session).await;
            Ok(())
        });
        deleted.await.map_err(|_| AgentError::Interrupted)?
    }

    /// How the session stands.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn session(&self, caller: Caller, session: Uuid) -> Result<SessionView, AgentError> {
        self.check_open()?;
        if self.inner.registry.session(session).is_none() {
            let record = self.stored_session(caller, session).await?;
            // One that sleeps and owes nothing need not wake to be looked at.
            if !record.awaits {
                let last_event = record.turns.checked_sub(1).map_or(0, last_of);
                return Ok(SessionView { record, last_event, replying: false });
            }
        }
        let live = self.live(caller, session).await?;
        let (record, last_event, replying) = live.address.send(Look).await.map_err(|_| AgentError::Interrupted)?;
        Ok(SessionView { record, last_event, replying })
    }

    /// The caller's sessions, last used first, at most `limit`, those that follow `after`.
    ///
    /// # Errors
    /// The store's.
    pub async fn sessions(
        &self,
        caller: Caller,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, AgentError> {
        self.check_open()?;
        let whose = caller.owner().map_or(Whose::All, Whose::Visitor);
        Ok(self.inner.store.sessions(whose, after, limit).await?)
    }

    /// What was said in a session, all versions, in the order of storing.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn turns(&self, caller: Caller, session: Uuid) -> Result<Vec<TurnRecord>, AgentError> {
        Ok(self.stored(caller, session).await?.1)
    }

    /// A session as it is stored, with what was said in it. It is not woken by that.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn stored(&self, caller: Caller, session: Uuid) -> Result<(SessionRecord, Vec<TurnRecord>), AgentError> {
        let record = self.stored_session(caller, session).await?;
        Ok((record, self.inner.store.turns(session).await?))
    }

    /// The message that the same request stored when it came before. To be asked first by whoever limits how much may be
    /// said: [`Kindred::say`] admits before it looks, and what was done is told again however busy it is.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], [`AgentError::KeyReused`], the store's.
    pub async fn said_before(
        &self,
        caller: Caller,
        session: Uuid,
        message: &Message,
    ) -> Result<Option<TurnRecord>, AgentError> {
        let Some(key) = message.key.clone() else { return Ok(None) };
        let live = self.live(caller, session).await?;
        let known = Known { text: message.text.trim().to_owned(), replaces: message.replaces, key };
        live.address.send(known).await.map_err(|_| AgentError::Interrupted)?
    }
}
