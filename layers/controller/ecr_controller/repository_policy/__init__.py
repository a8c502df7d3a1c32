"""Repository policies: statements, the document that many resources share, and the calls to Amazon ECR."""
