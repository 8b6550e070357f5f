mod examples;
mod random;
mod schema;
