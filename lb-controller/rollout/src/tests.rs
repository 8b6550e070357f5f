//! Both sides together, on a network and a store that do what they are told.

mod bed;
mod budget;
mod crashes;
mod forwarders;
mod going_back;
mod midway;
mod nonsense;
mod past;
mod record;
