"""What a model is made of: parameters, memory, where it is placed and how it is quantized."""
