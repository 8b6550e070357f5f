mod examples;
mod metallb_fields;
mod random;
mod schema;
