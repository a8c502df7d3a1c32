"""What commands read: templates, rules, policies and images, from files or from Amazon ECR."""
