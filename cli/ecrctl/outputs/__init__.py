"""What commands write: one module for each format, and the parts that the HTML page consists of."""
