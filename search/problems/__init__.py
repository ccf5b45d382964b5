"""Problems: what a search can evaluate, and the model that each leaf of its space stands for."""
