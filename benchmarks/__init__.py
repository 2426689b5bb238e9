"""What the server costs on the machine it runs on. Figures for reading, never for passing or failing."""
