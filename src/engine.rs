//! Drives the supervisor: feeds it inputs, runs its actions, publishes its snapshots.
