//! What to try next: pure decisions on what is configured, offered, known and already tried.

use crate::model::AuthMethod;
use russh::MethodKind;
use std::path::PathBuf;

/// How far an authentication has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    order: Vec<AuthMethod>,
    offered: Vec<MethodKind>,
    keys: Option<Vec<KeyState>>,
    password: PasswordState,
    used_up: Vec<MethodKind>,
}

/// One key that may be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyState {
    /// Where it was found.
    pub(super) origin: AuthMethod,
    /// What became of it.
    pub(super) fate: KeyFate,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyFate {
    /// Nothing yet.
    Untried,
    /// The server does not take it.
    Refused,
    /// The server took it, and wants another proof besides: RFC 4252 section 5.1.
    Accepted,
    /// The server would take it, and its passphrase is not known, or the known one is wrong.
    Locked {
        /// Its file.
        file: PathBuf,
        /// The known passphrase is wrong.
        rejected: bool,
    },
    /// Nobody can sign with it.
    Unusable,
}

/// What is known of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordState {
    /// Nobody has looked for it yet.
    Unsought,
    /// There is none.
    Unknown,
    /// There is one, and nothing speaks against it.
    Known,
    /// The server refused it.
    Refused,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// See which keys there are.
    FindKeys,
    /// See whether a password is known.
    FindPassword,
    /// Offer the key of this number.
    Offer(usize),
    /// Start keyboard-interactive: RFC 4256.
    Converse,
    /// Send the password: RFC 4252 section 8.
    SendPassword,
    /// Nothing is left.
    Stop(Ending),
}

/// Why nothing is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// A password would help.
    PasswordNeeded {
        /// The known one was refused.
        rejected: bool,
    },
    /// A key's passphrase would help.
    PassphraseNeeded {
        /// The key's file.
        file: PathBuf,
        /// The known one is wrong.
        rejected: bool,
    },
    /// The server took none of these.
    Rejected(Vec<AuthMethod>),
    /// There was nothing to try.
    NoCredential,
}

impl Progress {
    /// At the start, nothing is offered: the first answer of the server tells.
    pub(super) fn new(order: Vec<AuthMethod>) -> Self {
        Self {
            order,
            offered: Vec::new(),
            keys: None,
            password: PasswordState::Unsought,
            used_up: Vec::new(),
        }
    }

    /// What the server takes from now on.
    pub(super) fn offers(&mut self, methods: Vec<MethodKind>) {
        self.offered = methods;
    }

    /// The keys there are, by where each was found.
    pub(super) fn found_keys(&mut self, origins: impl IntoIterator<Item = AuthMethod>) {
        let untried = |origin| KeyState {
            origin,
            fate: KeyFate::Untried,
        };
        self.keys = Some(origins.into_iter().map(untried).collect());
    }

    /// What became of the key of this number.
    pub(super) fn key_is(&mut self, number: usize, fate: KeyFate) {
        if let Some(key) = self.keys.iter_mut().flatten().nth(number) {
            key.fate = fate;
        }
    }

    /// What is known of the password.
    pub(super) fn password_is(&mut self, state: PasswordState) {
        self.password = state;
    }

    /// This method was gone through once: it is not used again on this connection.
    pub(super) fn used_up(&mut self, method: MethodKind) {
        self.used_up.push(method);
    }

    /// What is known of the password.
    pub(super) fn password(&self) -> PasswordState {
        self.password
    }

    /// The kinds of credential that the server was shown.
    pub(super) fn tried(&self) -> Vec<AuthMethod> {
        let shown = |method: &AuthMethod| match method {
            AuthMethod::Agent | AuthMethod::Key => self.keys.iter().flatten().any(|key| {
                key.origin == *method
                    && matches!(
                        key.fate,
                        KeyFate::Refused | KeyFate::Accepted | KeyFate::Locked { .. }
                    )
            }),
            AuthMethod::Password => !self.used_up.is_empty(),
        };
        self.order.iter().copied().filter(shown).collect()
    }

    /// The next step: in the configured order what needs nobody, and only then what needs a person.
    pub(super) fn next(&self) -> Step {
        let unattended = self.order.iter().find_map(|method| match method {
            AuthMethod::Agent | AuthMethod::Key => self.next_key(*method),
            AuthMethod::Password => self.next_password(),
        });
        if let Some(step) = unattended {
            return step;
        }
        // The server's first question tells whether it is a password that it wants.
        let may_ask = self.order.contains(&AuthMethod::Password)
            && self.password == PasswordState::Unknown
            && self.locked().is_none();
        if may_ask && self.takes(MethodKind::KeyboardInteractive) {
            return Step::Converse;
        }
        Step::Stop(self.ending())
    }

    fn next_key(&self, origin: AuthMethod) -> Option<Step> {
        if !self.takes(MethodKind::PublicKey) {
            return None;
        }
        let Some(keys) = &self.keys else {
            return Some(Step::FindKeys);
        };
        let untried = |key: &KeyState| key.origin == origin && key.fate == KeyFate::Untried;
        keys.iter().position(untried).map(Step::Offer)
    }

    fn next_password(&self) -> Option<Step> {
        // Keyboard-interactive first, as OpenSSH does: where a second factor is wanted, the password
        // method is bound to fail, and to count as a wrong password.
        let way = if self.takes(MethodKind::KeyboardInteractive) {
            Step::Converse
        } else if self.takes(MethodKind::Password) {
            Step::SendPassword
        } else {
            return None;
        };
        match self.password {
            PasswordState::Unsought => Some(Step::FindPassword),
            PasswordState::Known => Some(way),
            PasswordState::Unknown | PasswordState::Refused => None,
        }
    }

    fn takes(&self, method: MethodKind) -> bool {
        self.offered.contains(&method) && !self.used_up.contains(&method)
    }

    fn locked(&self) -> Option<Ending> {
        self.keys.iter().flatten().find_map(|key| match &key.fate {
            KeyFate::Locked { file, rejected } => Some(Ending::PassphraseNeeded {
                file: file.clone(),
                rejected: *rejected,
            }),
            KeyFate::Untried | KeyFate::Refused | KeyFate::Accepted | KeyFate::Unusable => None,
        })
    }

    fn ending(&self) -> Ending {
        if self.password == PasswordState::Refused {
            return Ending::PasswordNeeded { rejected: true };
        }
        if let Some(locked) = self.locked() {
            return locked;
        }
        let would_help = self.order.contains(&AuthMethod::Password)
            && self.password == PasswordState::Unknown
            && self.takes(MethodKind::Password);
        if would_help {
            return Ending::PasswordNeeded { rejected: false };
        }
        let tried = self.tried();
        if tried.is_empty() {
            Ending::NoCredential
        } else {
            Ending::Rejected(tried)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AuthMethod::{Agent, Key, Password};
    use MethodKind::{KeyboardInteractive, PublicKey};

    const ORDER: [AuthMethod; 3] = [Agent, Key, Password];

    /// A server that offers these, to someone who holds these keys and knows this of the password.
    fn facing(
        offered: &[MethodKind],
        order: &[AuthMethod],
        keys: &[AuthMethod],
        password: PasswordState,
    ) -> Progress {
        let mut progress = Progress::new(order.to_vec());
        progress.offers(offered.to_vec());
        progress.found_keys(keys.iter().copied());
        progress.password_is(password);
        progress
    }

    fn locked(rejected: bool) -> KeyFate {
        let file = PathBuf::from("id");
        KeyFate::Locked { file, rejected }
    }

    #[test]
    fn nothing_is_looked_for_that_the_server_does_not_take() {
        let mut progress = Progress::new(ORDER.to_vec());
        progress.offers(vec![MethodKind::Password]);
        assert_eq!(progress.next(), Step::FindPassword);
        progress.offers(vec![PublicKey, MethodKind::Password]);
        assert_eq!(progress.next(), Step::FindKeys);
        progress.offers(vec![MethodKind::HostBased]);
        assert_eq!(progress.next(), Step::Stop(Ending::NoCredential));
    }

    #[test]
    fn the_configured_order_is_kept() {
        let offered = [PublicKey, MethodKind::Password];
        let keys = [Key, Agent];
        let next =
            |order: &[AuthMethod]| facing(&offered, order, &keys, PasswordState::Known).next();
        assert_eq!(next(&[Agent, Key, Password]), Step::Offer(1));
        assert_eq!(next(&[Key, Agent, Password]), Step::Offer(0));
        assert_eq!(next(&[Password, Key]), Step::SendPassword);
    }

    #[test]
    fn a_refused_key_is_not_offered_again() {
        let offered = [PublicKey];
        let mut progress = facing(&offered, &ORDER, &[Agent, Key], PasswordState::Unknown);
        assert_eq!(progress.next(), Step::Offer(0));
        progress.key_is(0, KeyFate::Refused);
        assert_eq!(progress.next(), Step::Offer(1));
        progress.key_is(1, KeyFate::Refused);
        let rejected = Ending::Rejected(vec![Agent, Key]);
        assert_eq!(progress.next(), Step::Stop(rejected));
    }

    #[test]
    fn without_a_password_everything_else_comes_first() {
        let offered = [PublicKey, MethodKind::Password];
        let order = [Password, Key];
        let mut progress = facing(&offered, &order, &[Key], PasswordState::Unknown);
        assert_eq!(progress.next(), Step::Offer(0));
        progress.key_is(0, KeyFate::Refused);
        let needed = Ending::PasswordNeeded { rejected: false };
        assert_eq!(progress.next(), Step::Stop(needed));
    }

    #[test]
    fn a_refused_password_is_not_sent_by_the_other_method() {
        let offered = [MethodKind::Password, KeyboardInteractive];
        let mut progress = facing(&offered, &ORDER, &[], PasswordState::Known);
        assert_eq!(progress.next(), Step::Converse);
        progress.used_up(KeyboardInteractive);
        progress.password_is(PasswordState::Refused);
        let needed = Ending::PasswordNeeded { rejected: true };
        assert_eq!(progress.next(), Step::Stop(needed));
    }

    #[test]
    fn a_conversation_that_never_asked_for_the_password_leaves_it_to_be_sent() {
        let offered = [MethodKind::Password, KeyboardInteractive];
        let mut progress = facing(&offered, &ORDER, &[], PasswordState::Known);
        progress.used_up(KeyboardInteractive);
        assert_eq!(progress.next(), Step::SendPassword);
    }

    #[test]
    fn a_conversation_starts_without_a_password_to_learn_what_is_asked() {
        let offered = [PublicKey, KeyboardInteractive];
        let mut progress = facing(&offered, &ORDER, &[Key], PasswordState::Unknown);
        assert_eq!(progress.next(), Step::Offer(0));
        progress.key_is(0, KeyFate::Refused);
        assert_eq!(progress.next(), Step::Converse);
        progress.used_up(KeyboardInteractive);
        let rejected = Ending::Rejected(vec![Key, Password]);
        assert_eq!(progress.next(), Step::Stop(rejected));
    }

    #[test]
    fn nobody_is_asked_for_a_password_that_is_not_configured() {
        let offered = [PublicKey, MethodKind::Password, KeyboardInteractive];
        let order = [Agent, Key];
        let progress = facing(&offered, &order, &[], PasswordState::Unknown);
        assert_eq!(progress.next(), Step::Stop(Ending::NoCredential));
    }

    #[test]
    fn a_locked_key_waits_until_nothing_else_opens() {
        let offered = [PublicKey, MethodKind::Password];
        let mut progress = facing(&offered, &ORDER, &[Key, Key], PasswordState::Unsought);
        progress.key_is(0, locked(false));
        assert_eq!(progress.next(), Step::Offer(1));
        progress.key_is(1, KeyFate::Refused);
        assert_eq!(progress.next(), Step::FindPassword);
        progress.password_is(PasswordState::Unknown);
        let needed = Ending::PassphraseNeeded {
            file: "id".into(),
            rejected: false,
        };
        assert_eq!(progress.next(), Step::Stop(needed));
    }

    #[test]
    fn the_passphrase_is_asked_for_rather_than_a_conversation() {
        let offered = [PublicKey, KeyboardInteractive];
        let mut progress = facing(&offered, &ORDER, &[Key], PasswordState::Unknown);
        progress.key_is(0, locked(true));
        let needed = Ending::PassphraseNeeded {
            file: "id".into(),
            rejected: true,
        };
        assert_eq!(progress.next(), Step::Stop(needed));
    }

    #[test]
    fn after_a_partial_success_only_the_rest_is_tried() {
        let mut progress = facing(&[PublicKey], &ORDER, &[Agent, Key], PasswordState::Known);
        progress.key_is(0, KeyFate::Accepted);
        progress.offers(vec![MethodKind::Password]);
        assert_eq!(progress.next(), Step::SendPassword);
        progress.offers(vec![PublicKey]);
        assert_eq!(progress.next(), Step::Offer(1));
    }

    #[test]
    fn each_method_is_gone_through_once() {
        let offered = [MethodKind::Password, KeyboardInteractive];
        let mut progress = facing(&offered, &ORDER, &[], PasswordState::Known);
        progress.used_up(KeyboardInteractive);
        progress.used_up(MethodKind::Password);
        let rejected = Ending::Rejected(vec![Password]);
        assert_eq!(progress.next(), Step::Stop(rejected));
    }

    mod always {
        use super::*;
        use proptest::prelude::*;

        fn methods() -> impl Strategy<Value = Vec<MethodKind>> {
            let known = vec![PublicKey, MethodKind::Password, KeyboardInteractive];
            proptest::sample::subsequence(known, 0..=3)
        }

        fn order() -> impl Strategy<Value = Vec<AuthMethod>> {
            proptest::sample::subsequence(ORDER.to_vec(), 0..=3).prop_shuffle()
        }

        fn fate() -> impl Strategy<Value = KeyFate> {
            prop_oneof![
                Just(KeyFate::Refused),
                Just(KeyFate::Accepted),
                Just(KeyFate::Unusable),
                any::<bool>().prop_map(locked),
            ]
        }

        proptest! {
            /// Whatever the server says, it is shown every credential at most once, and it ends.
            #[test]
            fn it_ends_and_repeats_nothing(
                order in order(),
                keys in proptest::collection::vec(prop_oneof![Just(Agent), Just(Key)], 0..5),
                has_password: bool,
                mut answers in proptest::collection::vec((methods(), fate(), any::<bool>()), 0..20),
            ) {
                let mut progress = Progress::new(order.clone());
                progress.offers(vec![PublicKey, MethodKind::Password, KeyboardInteractive]);
                let mut shown = Vec::new();
                let mut refusals_of_the_password = 0;
                loop {
                    let step = progress.next();
                    prop_assert!(!shown.contains(&step), "{step:?} again after {shown:?}");
                    shown.push(step.clone());
                    let (offered, fate, taken) =
                        answers.pop().unwrap_or((vec![PublicKey], KeyFate::Refused, false));
                    let verdict = if taken { PasswordState::Known } else { PasswordState::Refused };
                    match step {
                        Step::FindKeys => progress.found_keys(keys.iter().copied()),
                        Step::FindPassword if has_password => {
                            progress.password_is(PasswordState::Known);
                        }
                        Step::FindPassword => progress.password_is(PasswordState::Unknown),
                        Step::Offer(number) => {
                            prop_assert!(order.contains(&keys[number]));
                            progress.key_is(number, fate);
                            progress.offers(offered);
                        }
                        Step::Converse | Step::SendPassword => {
                            prop_assert!(order.contains(&Password));
                            let method = if step == Step::Converse {
                                KeyboardInteractive
                            } else {
                                prop_assert_eq!(progress.password(), PasswordState::Known);
                                MethodKind::Password
                            };
                            if progress.password() == PasswordState::Known {
                                progress.password_is(verdict);
                                refusals_of_the_password += usize::from(!taken);
                            }
                            progress.used_up(method);
                            progress.offers(offered);
                        }
                        Step::Stop(_) => break,
                    }
                }
                prop_assert!(refusals_of_the_password <= 1);
            }
        }
    }
}
