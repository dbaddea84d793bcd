//! Whether whoever asks may do what they ask for.

use std::{
    error::Error,
    fmt::{self, Debug, Display},
};

/// Whoever asks, as the embedder knows them: by a signature, a certificate, a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    account: String,
    name: String,
}

impl Principal {
    /// Somebody of an account. A name says who only together with the account.
    pub fn new(account: impl Into<String>, name: impl Into<String>) -> Self {
        Self { account: account.into(), name: name.into() }
    }

    /// Who answers for what they do, and whose certificates they see.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Who it is in the account: a user, a role.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.name)
    }
}

/// What an action does to what it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessLevel {
    /// Makes something.
    Create,
    /// Tells what there is.
    List,
    /// Tells about one thing.
    Get,
    /// Changes something.
    Update,
    /// Takes something away.
    Delete,
}

impl Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// What somebody asks for, by the name that policies have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    name: &'static str,
    level: AccessLevel,
    needs: &'static [&'static str],
}

impl Action {
    /// An action, such as `acm-pca:RevokeCertificate`.
    pub const fn new(name: &'static str, level: AccessLevel) -> Self {
        Self { name, level, needs: &[] }
    }

    /// Whoever does it does these too, and must be allowed to.
    #[must_use]
    pub const fn needing(mut self, others: &'static [&'static str]) -> Self {
        self.needs = others;
        self
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What it does to its resource.
    pub const fn level(self) -> AccessLevel {
        self.level
    }

    /// The names of the actions that it depends on.
    pub const fn needs(self) -> &'static [&'static str] {
        self.needs
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// None in particular: the action has no permission of single resources.
    All,
    /// This one: an ARN, say.
    Named(String),
}

impl Display for Resource {
    /// `*` for all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// Says who may do what.
///
/// It is asked before anything is done, by many threads at once.
pub trait Authorizer: Debug + Send + Sync {
    /// Whether the principal may do it to the resource.
    ///
    /// It sees to the actions that the action [needs](Action::needs) too.
    ///
    /// # Errors
    /// Where it cannot tell. Whoever asked is denied then.
    fn allows(
        &self,
        principal: &Principal,
        action: &Action,
        resource: &Resource,
    ) -> Result<bool, AuthorizerError>;
}

/// Why an [`Authorizer`] cannot tell.
pub type AuthorizerError = Box<dyn Error + Send + Sync>;

/// Whom something is granted to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// Every principal.
    Anyone,
    /// Every principal of an account.
    Account(String),
    /// This one.
    Principal(Principal),
}

/// Denies what it was not told to allow.
///
/// `*` at the end of an action or of a resource stands for anything; elsewhere it is a character like
/// others. For an action without permission of single resources, a grant that names some takes no
/// effect.
///
/// ```
/// use annul::{AccessLevel, Action, Authorizer, Grantee, Grants, Principal, Resource};
///
/// let grants = Grants::none()
///     .with(Grantee::Account("5".into()), "yundun-cert:*", "*")
///     .with(Grantee::Anyone, "acm-pca:RevokeCertificate", "arn:aws:acm-pca:eu-central-1:5:*");
/// let action = Action::new("yundun-cert:UpdateCACertificateStatus", AccessLevel::Update);
/// assert!(grants.allows(&Principal::new("5", "ann"), &action, &Resource::All)?);
/// assert!(!grants.allows(&Principal::new("6", "ann"), &action, &Resource::All)?);
/// # Ok::<(), annul::AuthorizerError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grants(Vec<Grant>);

#[derive(Clone, Debug)]
struct Grant {
    to: Grantee,
    action: String,
    resource: String,
}

impl Grants {
    /// Nobody may do anything.
    pub fn none() -> Self {
        Self::default()
    }

    /// One thing more is allowed.
    #[must_use]
    pub fn with(
        mut self,
        to: Grantee,
        action: impl Into<String>,
        resource: impl Into<String>,
    ) -> Self {
        self.0.push(Grant { to, action: action.into(), resource: resource.into() });
        self
    }

    fn grant(&self, principal: &Principal, action: &str, resource: &Resource) -> bool {
        self.0.iter().any(|grant| {
            grant.to.is(principal) && covers(&grant.action, action) && grant.reaches(resource)
        })
    }
}

impl Authorizer for Grants {
    fn allows(
        &self,
        principal: &Principal,
        action: &Action,
        resource: &Resource,
    ) -> Result<bool, AuthorizerError> {
        let mut actions = action.needs.iter().chain([&action.name]);
        Ok(actions.all(|action| self.grant(principal, action, resource)))
    }
}

impl Grant {
    fn reaches(&self, resource: &Resource) -> bool {
        match resource {
            Resource::All => self.resource == "*",
            Resource::Named(name) => covers(&self.resource, name),
        }
    }
}

impl Grantee {
    fn is(&self, principal: &Principal) -> bool {
        match self {
            Self::Anyone => true,
            Self::Account(account) => *account == principal.account,
            Self::Principal(one) => one == principal,
        }
    }
}

fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPDATE: Action =
        Action::new("yundun-cert:UpdateCACertificateStatus", AccessLevel::Update);
    const REVOKE: Action = Action::new("acm-pca:RevokeCertificate", AccessLevel::Update);
    const ARN: &str = "arn:aws:acm-pca:eu-central-1:5:certificate-authority/1";

    fn ann() -> Principal {
        Principal::new("5", "ann")
    }

    fn allows(grants: &Grants, principal: &Principal, action: Action, resource: &Resource) -> bool {
        grants.allows(principal, &action, resource).unwrap()
    }

    #[test]
    fn s54_nobody_may_do_what_was_not_granted() {
        assert!(!allows(&Grants::none(), &ann(), UPDATE, &Resource::All));
        let grants = Grants::none().with(Grantee::Anyone, UPDATE.name(), "*");
        assert!(allows(&grants, &ann(), UPDATE, &Resource::All));
        assert!(!allows(&grants, &ann(), REVOKE, &Resource::Named(ARN.into())));
    }

    #[test]
    fn s55_access_levels_are_called_as_policies_call_them() {
        use AccessLevel::*;
        let called: Vec<String> =
            [Create, List, Get, Update, Delete].iter().map(ToString::to_string).collect();
        assert_eq!(called, ["create", "list", "get", "update", "delete"]);
        assert_eq!(UPDATE.level(), Update);
        assert_eq!(Resource::All.to_string(), "*");
    }

    #[test]
    fn s56_a_grant_that_names_a_resource_takes_no_effect_where_there_is_none_in_particular() {
        for named in [ARN, "arn:*", ""] {
            let grants = Grants::none().with(Grantee::Anyone, "*", named);
            assert!(!allows(&grants, &ann(), UPDATE, &Resource::All), "{named}");
        }
    }

    #[test]
    fn s56_a_resource_is_granted_by_its_name_or_by_what_that_begins_with() {
        let named = |name: &str| Resource::Named(name.into());
        for (pattern, is_allowed) in
            [(ARN, true), ("*", true), ("arn:aws:acm-pca:*", true), ("arn:*:5", false), ("", false)]
        {
            let grants = Grants::none().with(Grantee::Anyone, REVOKE.name(), pattern);
            assert_eq!(allows(&grants, &ann(), REVOKE, &named(ARN)), is_allowed, "{pattern}");
        }
        let grants = Grants::none().with(Grantee::Anyone, REVOKE.name(), ARN);
        assert!(!allows(&grants, &ann(), REVOKE, &named(&format!("{ARN}2"))));
    }

    #[test]
    fn s56_the_actions_that_an_action_depends_on_must_be_granted_too() {
        const PUBLISHES: Action = REVOKE.needing(&["s3:PutObject"]);
        let resource = Resource::Named(ARN.into());
        let grants = Grants::none().with(Grantee::Anyone, "acm-pca:*", "*");
        assert!(!allows(&grants, &ann(), PUBLISHES, &resource));
        let other = grants.clone().with(Grantee::Account("6".into()), "s3:PutObject", "*");
        assert!(!allows(&other, &ann(), PUBLISHES, &resource));
        let both = grants.with(Grantee::Account("5".into()), "s3:PutObject", "*");
        assert!(allows(&both, &ann(), PUBLISHES, &resource));
    }

    #[test]
    fn a_name_in_another_account_is_somebody_else() {
        let grants = Grants::none().with(Grantee::Principal(ann()), "a:*", "*").with(
            Grantee::Account("6".into()),
            "b:*",
            "*",
        );
        let may = |account, name, action| {
            let action = Action::new(action, AccessLevel::Get);
            allows(&grants, &Principal::new(account, name), action, &Resource::All)
        };
        assert!(may("5", "ann", "a:Get") && !may("6", "ann", "a:Get") && !may("5", "bob", "a:Get"));
        assert!(may("6", "ann", "b:Get") && may("6", "bob", "b:Get") && !may("5", "ann", "b:Get"));
    }
}
