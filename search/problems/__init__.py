"""Problems of a search: the leaves that can be evaluated, and the model that each of them stands for."""
