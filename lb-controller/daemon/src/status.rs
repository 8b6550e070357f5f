//! What is written back to Services.
