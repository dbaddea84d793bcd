//! The doors through which a CA falls, and that none of them leads back.

mod support {
    pub mod toy;
}

use annul::{
    AddIssuer, Authority, CertificateList, CertificateStatus, CrlRequest, DeclaredParent, Error,
    FallCause, IssuerId, MemoryStore, Origin, Policy, Reason, Refusal, Registration, ReserveSerial,
    RevocationDetails, Revoke, RevokeCa, Revoked, Standing, Target, Timestamp,
};
use std::time::Duration;
use support::toy::{Ca, Toy, ToyClock, day, in_memory, serial};

/// An authority, and the CAs of its chains.
struct World {
    authority: Authority<MemoryStore>,
    clock: ToyClock,
    root: Ca,
    other: Ca,
    ca: Ca,
    below: Ca,
}

/// Two roots, and no CA below them yet.
fn roots() -> World {
    let (authority, clock) = in_memory();
    let [root, other, ca, below] = ["root", "other", "ca", "below"].map(Ca::new);
    let world = World { authority, clock, root, other, ca, below };
    world.add(&world.root.certifies(&world.root, 1));
    world.add(&world.other.certifies(&world.other, 1));
    world
}

/// Also "ca" under the root with serial number 2, and "below" under that with 3.
fn chain() -> World {
    let world = roots();
    world.add(&world.root.certifies(&world.ca, 2));
    world.add(&world.ca.certifies(&world.below, 3));
    world
}

impl World {
    fn with_policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy::default();
        change(&mut policy);
        self.authority = self.authority.with_policy(policy);
        self
    }

    fn add(&self, toy: &Toy) -> Standing {
        self.try_add(toy).unwrap()
    }

    fn try_add(&self, toy: &Toy) -> Result<Standing, Error> {
        let add = AddIssuer::new(toy.ca()).with_parent(DeclaredParent::External);
        self.authority.add_issuer(&add).map(|added| added.standing)
    }

    fn revoke(&self, issuer: &Ca, number: u64) -> Revoked {
        self.authority.revoke(&Revoke::new(target(issuer, number))).unwrap()
    }

    fn revoke_ca(&self, ca: &Ca) {
        self.authority.revoke_ca(&RevokeCa::new(ca.id())).unwrap();
    }

    fn standing(&self, ca: &Ca) -> Standing {
        self.authority.standing(ca.id()).unwrap().0
    }

    fn stands(&self, ca: &Ca) -> bool {
        self.standing(ca) == Standing::Stands
    }

    /// It fell, for this cause; so whoever is below is invalidated by it, and nothing can be issued
    /// under either.
    #[track_caller]
    fn fell(&self, ca: &Ca, cause: FallCause, below: &[&Ca]) {
        let Standing::Fallen(fall) = self.standing(ca) else { panic!("{:?}", self.standing(ca)) };
        assert_eq!(fall.cause, cause);
        self.refuses_to_issue(ca);
        below.iter().for_each(|below| self.invalidated(below, ca));
    }

    #[track_caller]
    fn invalidated(&self, below: &Ca, by: &Ca) {
        let Standing::Invalidated(found) = self.standing(below) else {
            panic!("{:?}", self.standing(below))
        };
        assert_eq!(found.by, by.id());
        assert_eq!((found.path.first(), found.path.last()), (Some(&below.id()), Some(&by.id())));
        self.refuses_to_issue(below);
    }

    #[track_caller]
    fn refuses_to_issue(&self, ca: &Ca) {
        let number = serial(0xfa11);
        let refused = |error: Error| match error {
            Error::Refused(Refusal::IssuerMayNotIssue { issuer, .. }) => {
                assert_eq!(issuer, ca.id())
            }
            other => panic!("{other:?}"),
        };
        let reserve = ReserveSerial::new(ca.id(), number);
        refused(self.authority.reserve(&reserve).unwrap_err());
        let by_serial = Registration::of_serial(ca.id(), number, Timestamp::MAX);
        refused(self.authority.register(&by_serial).unwrap_err());
        let by_der = Registration::of_certificate(ca.leaf(0xfa11).certificate());
        refused(self.authority.register(&by_der).unwrap_err());
        assert_eq!(
            self.effective(ca, 0xfa11),
            CertificateStatus::NotIssued,
            "nothing was recorded"
        );
    }

    #[track_caller]
    fn no_way_back(&self, toy: &Toy) {
        let refused = self.try_add(toy);
        assert!(matches!(refused, Err(Error::Refused(Refusal::NoWayBack { .. }))), "{refused:?}");
    }

    fn effective(&self, ca: &Ca, number: u64) -> CertificateStatus {
        self.authority.status(ca.id(), serial(number)).unwrap().effective
    }

    fn register(&self, toy: &Toy) {
        let registration = Registration::of_certificate(toy.certificate());
        self.authority.register(&registration).unwrap();
    }
}

fn target(issuer: &Ca, number: u64) -> Target {
    Target::Serial { issuer: issuer.id(), serial: serial(number) }
}

#[test]
fn by_the_serial_number_of_its_certificate() {
    let world = chain();
    assert_eq!(world.revoke(&world.root, 2).fallen, Some(world.ca.id()));
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
    assert!(world.stands(&world.root));
}

#[test]
fn by_the_der_of_its_certificate() {
    let world = chain();
    let certificate = world.root.certifies(&world.ca, 2).certificate();
    let revoked = world.authority.revoke(&Revoke::new(certificate)).unwrap();
    assert_eq!(revoked.fallen, Some(world.ca.id()));
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
}

#[test]
fn as_a_ca() {
    let world = chain();
    let revoked = world.authority.revoke_ca(&RevokeCa::new(world.ca.id())).unwrap();
    assert_eq!(revoked.revoked, [(world.root.id(), serial(2))]);
    assert_eq!(revoked.invalidated, [world.below.id()]);
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
    assert!(matches!(world.effective(&world.root, 2), CertificateStatus::Revoked(_)));
    let again = world.authority.revoke_ca(&RevokeCa::new(world.ca.id()));
    assert!(matches!(again, Err(Error::Refused(Refusal::AlreadyFallen { .. }))));
}

#[test]
fn what_a_fall_would_invalidate_can_be_seen_before() {
    let world = chain();
    world.register(&world.below.leaf(7));
    world.register(&world.below.leaf(8).valid(-10, -1));
    world.register(&world.root.leaf(9));
    let preview = || world.authority.preview_revoke_ca(&RevokeCa::new(world.ca.id()));
    let seen = preview().unwrap();
    let seen: Vec<_> = seen.iter().map(|it| (it.issuer, it.certificates, it.unexpired)).collect();
    assert_eq!(seen, [(world.ca.id(), 1, 1), (world.below.id(), 2, 1)]);
    assert!(world.stands(&world.ca), "nothing happened");
    world.revoke_ca(&world.ca);
    assert!(matches!(preview(), Err(Error::Refused(Refusal::AlreadyFallen { .. }))));
}

#[test]
fn s51_an_invalidated_ca_can_still_be_revoked_itself() {
    let world = chain();
    world.revoke_ca(&world.root);
    world.revoke_ca(&world.below);
    world.fell(&world.below, FallCause::Revoked, &[]);
}

#[test]
fn by_a_serial_number_that_was_revoked_before_the_ca_was_added() {
    let world = roots().with_policy(|policy| policy.unknown_serials = true);
    world.revoke(&world.root, 2);
    assert!(world.add(&world.root.certifies(&world.ca, 2)).is_down());
    world.fell(&world.ca, FallCause::Revoked, &[]);
    assert!(world.add(&world.ca.certifies(&world.below, 3)).is_down());
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
}

#[test]
fn by_a_reservation_that_was_revoked_before_the_ca_was_added() {
    let world = roots();
    let reserve = ReserveSerial::new(world.root.id(), serial(2));
    world.authority.reserve(&reserve).unwrap();
    world.revoke(&world.root, 2);
    world.add(&world.root.certifies(&world.ca, 2));
    world.fell(&world.ca, FallCause::Revoked, &[]);
}

#[test]
fn by_the_revocation_of_a_renewal_when_all_else_has_expired() {
    let world = roots().with_policy(|policy| policy.unknown_serials = true);
    world.add(&world.root.certifies(&world.ca, 2).valid(-10, 5));
    world.clock.set(day(10));
    world.revoke(&world.root, 3);
    world.add(&world.root.certifies(&world.ca, 3));
    world.fell(&world.ca, FallCause::Revoked, &[]);
}

#[test]
fn by_the_last_of_several_certificates() {
    let world = chain();
    world.add(&world.root.certifies(&world.ca, 4));
    world.add(&world.other.certifies(&world.ca, 2));
    assert_eq!(world.revoke(&world.root, 2).fallen, None);
    assert_eq!(world.revoke(&world.other, 2).fallen, None);
    assert!(world.stands(&world.ca) && world.stands(&world.below));
    assert_eq!(world.revoke(&world.root, 4).fallen, Some(world.ca.id()));
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
}

#[test]
fn by_the_last_certificate_that_has_not_expired() {
    let world = chain();
    world.add(&world.other.certifies(&world.ca, 2).valid(-10, 5));
    world.clock.set(day(10));
    assert_eq!(world.revoke(&world.root, 2).fallen, Some(world.ca.id()));
    world.clock.set(day(0));
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
}

#[test]
fn s47_by_distrust_of_a_root_and_s40_it_is_not_on_its_own_crl() {
    let world = chain();
    let own = Revoke::new(world.root.certifies(&world.root, 1).certificate());
    for revoke in [own, Revoke::new(target(&world.root, 1))] {
        let refused = world.authority.revoke(&revoke);
        assert!(matches!(refused, Err(Error::Refused(Refusal::SelfSigned { .. }))));
    }
    let revoked = world.authority.revoke_ca(&RevokeCa::new(world.root.id())).unwrap();
    assert_eq!((revoked.revoked, revoked.external), (Vec::new(), 0));
    world.fell(&world.root, FallCause::Distrusted, &[&world.ca, &world.below]);
    let listed = crl(&world, &world.root);
    assert_eq!(listed.iter().map(|entry| entry.0).collect::<Vec<_>>(), [2]);
}

#[test]
fn s50_by_the_fall_of_an_ancestor_at_any_depth() {
    let world = roots();
    let cas: Vec<Ca> = (0..20).map(|depth| Ca::new(&format!("depth {depth}"))).collect();
    world.add(&world.root.certifies(&cas[0], 2));
    for pair in cas.windows(2) {
        world.add(&pair[0].certifies(&pair[1], 2));
    }
    world.register(&cas[19].leaf(7));
    assert_eq!(world.effective(&cas[19], 7), CertificateStatus::Good);
    world.revoke_ca(&cas[0]);
    cas[1..].iter().for_each(|ca| world.invalidated(ca, &cas[0]));
    let CertificateStatus::Invalidated(by) = world.effective(&cas[19], 7) else { panic!() };
    assert_eq!(by.path, cas.iter().rev().map(Ca::id).collect::<Vec<IssuerId>>());
}

#[test]
fn not_while_a_cross_certificate_still_leads_to_another_root() {
    let world = chain();
    world.add(&world.other.certifies(&world.ca, 2));
    world.revoke_ca(&world.root);
    assert!(world.stands(&world.ca) && world.stands(&world.below));
    world.revoke_ca(&world.other);
    world.invalidated(&world.ca, &world.other);
}

#[test]
fn when_the_only_other_chain_has_expired_and_a_renewal_above_does_not_bring_it_back() {
    let world = roots();
    let old = Ca::new("old");
    world.add(&world.root.certifies(&world.ca, 2));
    world.add(&world.other.certifies(&old, 2).valid(-10, 5));
    world.add(&old.certifies(&world.ca, 3));
    world.add(&world.ca.certifies(&world.below, 3));
    world.clock.set(day(10));
    world.revoke_ca(&world.root);
    let cause = FallCause::LeftBy(world.root.id());
    let Standing::Fallen(fall) = world.standing(&world.ca) else { panic!() };
    assert_eq!(fall.cause, cause);
    world.add(&world.other.certifies(&old, 4));
    assert!(world.stands(&old));
    world.clock.set(day(0));
    assert!(world.standing(&world.ca).is_down() && world.standing(&world.below).is_down());
}

#[test]
fn two_that_certify_each_other_fall_with_their_anchor() {
    let world = chain();
    world.add(&world.below.certifies(&world.ca, 9));
    world.revoke_ca(&world.root);
    world.invalidated(&world.ca, &world.root);
    world.invalidated(&world.below, &world.root);
}

#[test]
fn an_issuer_whose_parent_is_added_later_falls_with_it() {
    let world = roots();
    world.add(&world.ca.certifies(&world.below, 3));
    assert!(world.stands(&world.below), "its parent was declared external");
    world.add(&world.root.certifies(&world.ca, 2));
    world.revoke_ca(&world.ca);
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
}

#[test]
fn a_parent_that_is_added_later_takes_no_anchor_from_what_it_hangs_on() {
    let world = roots().with_policy(|policy| policy.unknown_serials = true);
    world.revoke(&world.root, 2);
    world.add(&world.other.certifies(&world.ca, 9));
    world.add(&world.root.certifies(&world.ca, 2));
    // "ca" stands on what is elsewhere, and its own child turns out to be just that.
    world.add(&world.below.certifies(&world.ca, 5));
    world.revoke(&world.other, 9);
    assert!(world.stands(&world.ca));
    world.add(&world.ca.certifies(&world.below, 3));
    assert!(world.stands(&world.ca) && world.stands(&world.below));
    // Still, its child can revoke it.
    assert_eq!(world.revoke(&world.below, 5).fallen, Some(world.ca.id()));
    world.fell(&world.ca, FallCause::Revoked, &[&world.below]);
}

#[test]
fn a_fallen_issuer_that_turns_out_to_be_a_child_still_invalidates_its_parent() {
    let world = roots();
    world.add(&world.below.certifies(&world.ca, 5));
    world.revoke_ca(&world.ca);
    world.add(&world.ca.certifies(&world.below, 3));
    world.invalidated(&world.below, &world.ca);
}

#[test]
fn no_way_back_by_a_renewal() {
    for fall in [World::revoke_ca as fn(&World, &Ca), |world, _| world.revoke_ca(&world.root)] {
        let world = chain();
        fall(&world, &world.ca);
        world.no_way_back(&world.root.certifies(&world.ca, 8));
        world.no_way_back(&world.ca.certifies(&world.below, 8));
    }
}

#[test]
fn no_way_back_by_a_cross_certificate() {
    let world = chain();
    world.revoke_ca(&world.root);
    world.no_way_back(&world.other.certifies(&world.ca, 8));
    world.no_way_back(&world.other.certifies(&world.below, 8));
    world.no_way_back(&world.ca.certifies(&world.ca, 8));
    world.invalidated(&world.below, &world.root);
}

#[test]
fn no_way_back_by_a_clock_that_steps() {
    let world = chain();
    world.revoke_ca(&world.ca);
    for at in [day(-90), day(500), Timestamp::MIN, Timestamp::MAX] {
        world.clock.set(at);
        assert!(world.standing(&world.ca).is_down() && world.standing(&world.below).is_down());
    }
}

#[test]
fn what_is_discovered_under_a_fallen_issuer_is_recorded_and_worth_nothing() {
    let world = chain();
    world.register(&world.below.leaf(7));
    world.revoke_ca(&world.ca);
    for issuer in [&world.ca, &world.below] {
        let found = Registration::of_certificate(issuer.leaf(9).certificate());
        let recorded = world.authority.record_discovered(&found).unwrap();
        assert!(recorded.recorded && recorded.standing.is_down());
        assert_eq!(recorded.origin, Origin::Discovered);
        assert!(matches!(world.effective(issuer, 9), CertificateStatus::Invalidated(_)));
    }
    let status = world.authority.status(world.below.id(), serial(7)).unwrap();
    assert_eq!(status.own, CertificateStatus::Good);
    assert!(matches!(status.effective, CertificateStatus::Invalidated(_)));
}

/// What the CRL of a CA lists: serial number, revocationDate and reason, lowest number first.
fn crl(world: &World, ca: &Ca) -> Vec<(u64, Timestamp, Option<Reason>)> {
    let (mut der, request) = (Vec::new(), CrlRequest::new(Duration::from_secs(3600)));
    world.authority.crl(ca.id(), &request, ca, &mut der).unwrap();
    let entries = CertificateList::from_der(&der).unwrap().entries().map(|entry| {
        let entry = entry.unwrap();
        let number =
            entry.serial().as_octets().iter().fold(0, |n, &octet| n << 8 | u64::from(octet));
        let reason = entry.reason().map(|code| code.to_string().parse().unwrap());
        (number, entry.revocation_date(), reason)
    });
    entries.collect()
}

#[test]
fn the_crl_of_an_issuer_that_is_down_lists_all_that_it_issued() {
    let world = chain();
    world.register(&world.ca.leaf(10).valid(-5, 100));
    world.register(&world.ca.leaf(11).valid(-1, 100));
    world.register(&world.ca.leaf(12));
    let by_serial = Registration::of_serial(world.ca.id(), serial(13), day(100));
    world.authority.register(&by_serial).unwrap();
    let own = RevocationDetails { date: Some(day(-4)), ..RevocationDetails::default() };
    let own = RevocationDetails { reason: Some(Reason::Superseded), ..own };
    let revoke = Revoke::new(target(&world.ca, 12)).with_details(own);
    world.authority.revoke(&revoke).unwrap();
    assert_eq!(crl(&world, &world.ca), [(12, day(-4), Some(Reason::Superseded))]);

    let date = Some(day(-2));
    let details = RevocationDetails { date, reason: Some(Reason::KeyCompromise), ..own };
    let revoke = RevokeCa::new(world.ca.id()).with_details(details);
    world.authority.revoke_ca(&revoke).unwrap();
    let expected = [
        // A CA's certificate must say why, though its key is not what was compromised.
        (3, day(-2), Some(Reason::CaCompromise)),
        (10, day(-2), None),
        // Not before it was valid.
        (11, day(-1), None),
        // Its own revocation wins.
        (12, day(-4), Some(Reason::Superseded)),
        (13, day(-2), None),
    ];
    assert_eq!(crl(&world, &world.ca), expected);
    assert_eq!(crl(&world, &world.root), [(2, day(-2), Some(Reason::KeyCompromise))]);
    assert_eq!(crl(&world, &world.below), []);
}

#[test]
fn e31_the_reason_of_a_ca_certificate_follows_that_of_the_fall() {
    for (fall, listed) in [
        (None, Reason::CessationOfOperation),
        (Some(Reason::Unspecified), Reason::CessationOfOperation),
        (Some(Reason::KeyCompromise), Reason::CaCompromise),
        (Some(Reason::CaCompromise), Reason::CaCompromise),
        (Some(Reason::Superseded), Reason::Superseded),
    ] {
        let world = chain();
        let details = RevocationDetails { reason: fall, ..RevocationDetails::default() };
        let revoke = RevokeCa::new(world.ca.id()).with_details(details);
        world.authority.revoke_ca(&revoke).unwrap();
        assert_eq!(crl(&world, &world.ca), [(3, day(0), Some(listed))]);
    }
}

#[test]
fn listing_what_is_invalidated_can_be_left_off_and_turned_on_but_not_off() {
    let world = roots();
    let quiet = AddIssuer::new(world.root.certifies(&world.ca, 2).ca());
    world.authority.add_issuer(&quiet.without_listing_invalidated()).unwrap();
    world.register(&world.ca.leaf(10));
    world.revoke_ca(&world.ca);
    assert_eq!(crl(&world, &world.ca), []);
    world.authority.list_invalidated(world.ca.id()).unwrap();
    assert_eq!(crl(&world, &world.ca), [(10, day(0), None)]);
}
