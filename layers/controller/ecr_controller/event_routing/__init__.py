"""Events of Amazon ECR and Amazon Inspector, the routes that select them, and the targets that receive them."""
