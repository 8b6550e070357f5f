//! From changes to contents.
