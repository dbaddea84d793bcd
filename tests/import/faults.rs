//! The store fails in the middle of an import: repeating it finishes.

use super::{World, entries, made::*, of, with_certificates};
use crate::toy::{Ca, day};
use annul::{
    AddIssuer, MemoryStore, OpenSslIndex,
    conformance::{Fault, Faults, Faulty},
    store::{Space, Table},
};

const INDEX: &[u8] = b"V\t280101000000Z\t\t0B\tunknown\t/CN=a\n\
    R\t280101000000Z\t260103000000Z,keyCompromise\t0C\tunknown\t/CN=b\n";

/// What is imported: a CA that falls, an amendment, odd serial numbers, two scopes, an index.
fn crls() -> [Vec<u8>; 2] {
    let full =
        made(4, [listed(1), listed(2).because(1), listed(77), octets(&[0]), octets(&[0x80])]);
    [full.der(), made(3, [listed(9)]).about(&[0x81, 1, 0xff]).der()]
}

fn prepared<S: annul::Store>(world: &World<S>) {
    let certificate = world.ca.certifies(&Ca::new("below"), 77).ca();
    world.authority.add_issuer(&AddIssuer::new(certificate)).unwrap();
    world.register([1, 2]);
    world.revoke([2], None);
}

/// All that the tables hold, apart from random names.
fn tables(store: &MemoryStore) -> Vec<(Space, Vec<u8>, Vec<u8>)> {
    use annul::Store;
    let tables = [Table::Certificates, Table::CrlNumbers, Table::LegacyEntries, Table::Standings];
    let snapshot = store.snapshot().unwrap();
    let mut rows = Vec::new();
    for space in tables.map(Space::Table) {
        snapshot
            .scan(space, &[], None, &mut |key, value| {
                rows.push((space, key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
    }
    rows
}

#[test]
fn whatever_fails_repeating_the_import_finishes_it() {
    let crls = crls();
    let import = of(&crls).with_openssl_index(OpenSslIndex::from_text(INDEX).unwrap());
    let store = MemoryStore::new();
    let smooth = World::over(&store);
    prepared(&smooth);
    smooth.try_import(&import).unwrap();
    let (expected, next) = (tables(&store), smooth.crl_at(day(6)));
    let mut at = 0;
    for fault in [Fault::Before, Fault::After] {
        for n in 1.. {
            let (store, faults) = (MemoryStore::new(), Faults::none());
            let world = World::over(Faulty::new(&store, faults.clone()));
            prepared(&world);
            faults.fail_at(n, fault);
            let first = world.try_import(&import);
            faults.end();
            if let Err(error) = &first {
                assert!(matches!(error, annul::Error::Store(_)), "{error}");
                // Numbers come last: half an import never outranks what was published.
                let is_fenced = tables(&store)
                    .iter()
                    .any(|(space, ..)| *space == Space::Table(Table::CrlNumbers));
                assert!(!is_fenced || tables(&store) == expected, "{fault:?} at {n}");
                world.try_import(&import).unwrap();
            }
            assert_eq!(tables(&store), expected, "{fault:?} at {n}");
            let log = annul::conformance::toy::log(&world.authority, world.id());
            assert_eq!(log.len(), 6, "each but once in the log");
            assert_eq!(entries(&world.crl_at(day(6))), entries(&next));
            if first.is_ok() {
                at = n;
                break;
            }
        }
    }
    assert!(at > 20, "an import asks the store more than {at} times");
    let unrelated = with_certificates(1);
    assert_eq!(unrelated.recorded(1), None);
}
