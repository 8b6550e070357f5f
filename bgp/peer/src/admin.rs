//! Conversions into the messages of the admin API.
