/// What operators say about a forwarder. Its name is that of its certificate; its labels are those that selectors look
/// at. A forwarder without such a resource is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarder {
    /// Where it stands.
    pub zone: Option<String>,
    /// Whether it leaves all shards, each VIP when another forwarder announces it.
    pub drain: bool,
}
