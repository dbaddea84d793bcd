//! What the store on redb promises beyond every store: its file, its faults, its openers.
#![cfg(feature = "redb")]

#[path = "../support/backend.rs"]
mod backend;
mod faults;
mod fixture;
mod full;
mod history;
mod opening;
mod power;
#[path = "../support/random.rs"]
mod random;
mod shared;
#[path = "../support/toy.rs"]
mod toy;
mod upkeep;
