use super::*;

fn id(name: &str) -> IssuerId {
    IssuerId::of(name.as_bytes(), b"")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(second).unwrap()
}

fn fall(second: i64) -> Fall {
    Fall { date: at(second), reason: None, recorded_at: at(second), cause: FallCause::Revoked }
}

/// Issuers from lines `child: parent/notAfter ...`, where `self` and `external` are anchors.
fn graph(lines: &[&str]) -> Graph {
    let mut graph = Graph::default();
    for line in lines {
        let (child, certificates) = line.split_once(':').unwrap();
        let facts = graph.0.entry(id(child)).or_default();
        for certificate in certificates.split_whitespace() {
            let (parent, not_after) = certificate.split_once('/').unwrap();
            let parent = match parent {
                "self" => Parent::SelfSigned,
                "external" => Parent::External,
                parent => Parent::Issuer(id(parent)),
            };
            let not_after = at(not_after.parse().unwrap());
            let revocation = None;
            facts.certificates.push(CaCertificateFacts {
                parent,
                serial: None,
                not_after,
                revocation,
            });
        }
    }
    graph
}

fn fell(mut graph: Graph, issuer: &str, second: i64) -> Graph {
    graph.0.get_mut(&id(issuer)).unwrap().fall = Some(fall(second));
    graph
}

fn down(graph: &Graph, names: &[&str]) {
    assert_eq!(graph.down(), names.iter().map(|name| id(name)).collect());
}

#[test]
fn s50_what_is_below_a_fall_is_invalidated_at_any_depth() {
    let graph = fell(graph(&["root:self/90", "a:root/90", "b:a/90", "c:b/90"]), "a", 10);
    assert_eq!(graph.standing(id("root"), at(20)), Some(Standing::Stands));
    let Some(Standing::Invalidated(by)) = graph.standing(id("c"), at(20)) else { panic!() };
    assert_eq!((by.by, by.at, by.path), (id("a"), at(10), vec![id("c"), id("b"), id("a")]));
    assert!(matches!(graph.standing(id("c"), at(0)), Some(Standing::Invalidated(_))));
}

#[test]
fn what_is_revoked_besides_moves_no_date_to_a_later_one() {
    let chain = graph(&["root:self/90", "a:root/90", "b:a/90"]);
    let at_of = |graph: &Graph, issuer| graph.invalidation(id(issuer)).unwrap().at;
    let first = fell(chain, "root", 10);
    assert_eq!(at_of(&first, "b"), at(10));
    let second = fell(fell(first, "a", 20), "b", 30);
    assert_eq!((at_of(&second, "a"), at_of(&second, "b")), (at(10), at(10)));
}

#[test]
fn a_cross_certificate_under_another_parent_keeps_an_issuer_standing() {
    let both = graph(&["root:self/90", "other:self/90", "a:root/90 other/90", "b:a/90"]);
    let one = fell(both.clone(), "root", 10);
    assert_eq!(one.standing(id("b"), at(20)), Some(Standing::Stands));
    let none = fell(one, "other", 15);
    let Some(Standing::Invalidated(by)) = none.standing(id("b"), at(20)) else { panic!() };
    assert_eq!(by.by, id("other"), "the last chain was cut there");
}

#[test]
fn a_cycle_stands_on_its_anchor_alone() {
    let cycle = graph(&["root:self/90", "a:root/90 b/90", "b:a/90"]);
    assert_eq!(cycle.standing(id("b"), at(20)), Some(Standing::Stands));
    down(&fell(cycle, "root", 10), &["root", "a", "b"]);
    let loose = graph(&["a:b/90", "b:a/90"]);
    assert_eq!(loose.standing(id("a"), at(20)), Some(Standing::Unanchored));
    down(&fell(loose, "a", 10), &["a", "b"]);
}

#[test]
fn expiry_is_no_fall_and_ends_with_a_renewal() {
    let mut graph = graph(&["root:self/90", "a:root/30", "b:a/90"]);
    let expired = Standing::Expired { not_after: at(90) };
    assert_eq!(graph.standing(id("b"), at(30)), Some(Standing::Stands), "notAfter is inclusive");
    assert_eq!(graph.standing(id("b"), at(31)), Some(expired));
    down(&graph, &[]);
    let renewed = graph.0[&id("b")].certificates[0].clone();
    let facts = graph.0.get_mut(&id("a")).unwrap();
    facts.certificates.push(CaCertificateFacts { parent: Parent::Issuer(id("root")), ..renewed });
    assert_eq!(graph.standing(id("b"), at(31)), Some(Standing::Stands));
}

#[test]
fn a_fall_behind_an_expired_chain_is_made_explicit() {
    // What is left of "a" when root falls at 50 is a chain that expired at 40.
    let before = graph(&["root:self/90", "old:self/40", "a:root/90 old/90", "b:a/90"]);
    let mut after = fell(before.clone(), "root", 50);
    assert_eq!(after.standing(id("a"), at(50)), Some(Standing::Expired { not_after: at(90) }));
    let fell = after.settle_revocation(&before, fall(50));
    assert!(fell.contains(&id("a")));
    down(&after, &["root", "a", "b"]);
}

#[test]
fn an_added_certificate_brings_nothing_back() {
    let before = fell(graph(&["root:self/90", "a:root/90", "b:a/90", "new:self/90"]), "root", 10);
    down(&before, &["root", "a", "b"]);
    let mut after = before.clone();
    let anchored = CaCertificateFacts {
        parent: Parent::Issuer(id("new")),
        serial: None,
        not_after: at(90),
        revocation: None,
    };
    after.0.get_mut(&id("a")).unwrap().certificates.push(anchored);
    assert_eq!(after.settle_addition(&before, fall(20)), [id("a")]);
    down(&after, &["root", "a", "b"]);
}
