//! Keeping up with a log from elsewhere, and knowing when one does not.

use super::{Authority, Error, view::View};
use crate::{
    issuer_id::IssuerId,
    log::{Entry, FreshnessToken, Position},
    store::Store,
};
use std::ops::ControlFlow;

/// How much an answer must have been made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// What is at hand: the index in memory where there is one, else the store.
    View,
    /// At least what this token names. It may be of the issuer that is asked about, or of one above
    /// it whose fall is to be seen.
    AtLeast(FreshnessToken),
    /// All that the store shows.
    Head,
}

/// An entry and its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedEntry {
    /// Its place in the log.
    pub position: Position,
    /// The entry.
    pub entry: Entry,
}

/// What was added to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The entries, in their order, without a gap.
    pub entries: Vec<LoggedEntry>,
    /// Names the log up to the last of them: go on from here.
    pub token: FreshnessToken,
    /// How far the log goes.
    pub head: Position,
}

impl Changes {
    /// Whether that was all there is.
    pub fn is_caught_up(&self) -> bool {
        self.token.position == self.head
    }
}

impl<S: Store> Authority<S> {
    /// Names all that is in the log of an issuer now.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn token(&self, issuer: IssuerId) -> Result<FreshnessToken, Error> {
        let view = self.view()?;
        let head = view.head(issuer)?;
        view.token(issuer, head.position)
    }

    /// Names the log of an issuer up to this position: that of a revocation, so that whoever is
    /// handed the token sees it; or 0, where [`Authority::changes`] starts.
    ///
    /// # Errors
    /// [`Error::Behind`] where the store does not show that much, otherwise as
    /// [`Authority::token`].
    pub fn token_at(&self, issuer: IssuerId, position: Position) -> Result<FreshnessToken, Error> {
        self.view()?.token(issuer, position)
    }

    /// At most `limit` entries that the log of an issuer has after this token.
    ///
    /// Whoever keeps a view of its own, here or on another machine, folds them into it and asks
    /// again with the new token. Each entry carries what a CRL says of the certificate, replaces
    /// what an earlier one said, and [follows](Entry::follows) from the one before. Nothing takes a
    /// revocation back, so a view that is behind knows too little, and never anything wrong.
    ///
    /// ```
    /// # #[cfg(feature = "p256")] {
    /// # let root_pem = include_str!("example-root.pem");
    /// use annul::*;
    /// use std::collections::HashMap;
    ///
    /// # let authority = Authority::new(MemoryStore::new());
    /// # let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
    /// # let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
    /// # let serial: Serial = "e8:cb:d2".parse()?;
    /// # authority.register(&Registration::of_serial(issuer, serial, Timestamp::MAX))?;
    /// let revoked = authority.revoke(&Revoke::new(Target::Serial { issuer, serial }))?;
    ///
    /// let mut view: HashMap<Serial, Revocation> = HashMap::new();
    /// let mut token = authority.token_at(issuer, Position(0))?;
    /// loop {
    ///     let changes = authority.changes(&token, 1000)?;
    ///     for logged in &changes.entries {
    ///         let event = &logged.entry.event;
    ///         if let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) {
    ///             view.insert(subject.serial, *revocation);
    ///         }
    ///     }
    ///     token = changes.token;
    ///     if changes.is_caught_up() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(view.get(&serial), Some(&revoked.revocation));
    ///
    /// // Whoever has the token is never answered from less, wherever he asks.
    /// let answer = authority.status_with(issuer, serial, Freshness::AtLeast(token))?;
    /// assert!(matches!(answer.effective, CertificateStatus::Revoked(_)));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Behind`] where the store shows less than the token names: ask again later, or
    /// elsewhere. [`Error::Forked`] where the log is another: drop the view and start anew, once it
    /// is known which of them counts. A log with a gap, or with an entry that does not follow, is
    /// [`StoreError::Corrupt`](crate::StoreError::Corrupt).
    pub fn changes(&self, after: &FreshnessToken, limit: usize) -> Result<Changes, Error> {
        let view = self.view()?;
        let head = view.covers(after)?;
        let (mut entries, mut token) = (Vec::new(), *after);
        view.log(after, &head, |position, entry, _| {
            if entries.len() == limit {
                return ControlFlow::Break(());
            }
            (token.position, token.chain) = (position, entry.chain);
            entries.push(LoggedEntry { position, entry });
            ControlFlow::Continue(())
        })?;
        Ok(Changes { entries, token, head: head.position })
    }

    /// A frozen view that shows what is demanded.
    pub(super) fn view_with(&self, freshness: &Freshness) -> Result<View<'_>, Error> {
        let view = self.view()?;
        if let Freshness::AtLeast(token) = freshness {
            view.covers(token)?;
        }
        Ok(view)
    }
}
