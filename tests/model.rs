//! The lifecycle and both stores under random commands over random graphs of CAs, against a model
//! that is slow and obvious.
//!
//! `ANNUL_MODEL_STEPS` says how many commands: 10,000 by default, 100,000 in `.ci/run deep`. Every
//! command is carried out in memory and on redb over a disk that loses power now and then.
#![cfg(feature = "redb")]

mod support {
    pub mod backend;
    pub mod random;
    pub mod toy;
    pub mod model {
        pub mod check;
        pub mod command;
        pub mod execute;
        pub mod graph;
        pub mod naive;
        pub mod place;
        pub mod run;
    }
}

use annul::Policy;
use proptest::{
    collection::vec,
    test_runner::{Config, TestError, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap, env};
use support::model::{
    command::{Command, command},
    place::{OnDisk, OnFile, Place},
    run::Run,
};

/// How many commands make a run, on average.
const LENGTH: usize = 200;

/// How many commands there are to be.
fn steps() -> usize {
    env::var("ANNUL_MODEL_STEPS").map_or(10_000, |steps| steps.parse().unwrap())
}

/// The policy that refuses least.
fn lenient() -> Policy {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    policy.expired_certificates = true;
    policy
}

/// Runs at least so many commands, in many runs from nothing.
fn check<P: Place>(steps: usize, policy: &Policy, place: impl Fn() -> P) {
    let came_to = RefCell::new(BTreeMap::<&str, usize>::new());
    let count = || came_to.borrow().values().sum::<usize>();
    while count() < steps {
        let cases = u32::try_from((steps - count()).div_ceil(LENGTH)).unwrap();
        let config = Config {
            cases,
            max_shrink_iters: 20_000,
            failure_persistence: None,
            ..Config::default()
        };
        let commands = vec(command(), 0..=2 * LENGTH);
        let answer = TestRunner::new(config).run(&commands, |commands: Vec<Command>| {
            let mut run = Run::new(policy.clone(), place());
            for command in &commands {
                *came_to.borrow_mut().entry(run.step(command)).or_default() += 1;
            }
            run.finish();
            Ok(())
        });
        match answer {
            Ok(()) => {}
            Err(TestError::Fail(reason, commands)) => {
                let commands: String = commands.iter().map(|it| format!("{it:?}\n")).collect();
                panic!("after these commands: {reason}\n{commands}");
            }
            Err(TestError::Abort(reason)) => panic!("{reason}"),
        }
    }
    eprintln!("{:?}", came_to.borrow());
}

#[test]
fn no_command_leads_back_under_the_default_policy() {
    check(steps() / 2, &Policy::default(), OnDisk::default);
}

#[test]
fn no_command_leads_back_under_a_lenient_policy() {
    check(steps() / 2, &lenient(), OnDisk::default);
}

#[test]
fn no_command_leads_back_in_a_file_that_is_reopened() {
    check(steps() / 50, &lenient(), || OnFile::new("model.store"));
}
