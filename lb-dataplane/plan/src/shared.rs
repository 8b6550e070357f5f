//! What desired states have in common.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A list that its clones share until one of them is changed. Clones cost nothing, and are told to be equal without a look
/// at the elements: a change of one backend costs what it changes, whatever else is desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared<T>(Arc<Vec<T>>);

impl<T> Shared<T> {
    /// Whether it is a clone of `other` and neither was changed. Equal lists need not be.
    #[must_use]
    pub fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(elements: Vec<T>) -> Self {
        Self(Arc::new(elements))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Vec::from_iter(elements).into()
    }
}

impl<T> Deref for Shared<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

/// The elements are copied when others share them.
impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Arc::make_mut(&mut self.0)
    }
}

impl<'a, T> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_until_one_changes() {
        let first: Shared<i32> = vec![1, 2].into();
        let mut second = first.clone();
        assert!(second.is_clone_of(&first) && second == first);
        second.push(3);
        assert_eq!((first.len(), second.len()), (2, 3));
        second.pop();
        assert!(!second.is_clone_of(&first) && second == first);
    }
}
